import Foundation
import GravityContracts
import NotificationAPI

/// A text or push message as a provider is asked to send it. The same for every attempt, at every provider.
struct ProviderRequest: Encodable, Sendable, Hashable {
  /// By which a provider knows what it has sent already, and we what its reports are about.
  var id: String
  var channel: DeliveryChannel
  /// A phone number, or a device's token.
  var to: String
  /// Of a device.
  var platform: PushPlatform?
  /// Of a push message.
  var title: String?
  var text: String
  var link: String?
  /// When it makes no sense any more.
  var expiresAt: Date?

  enum CodingKeys: String, CodingKey {
    case id, channel, to, platform, title, text, link
    case expiresAt = "expires_at"
  }

  init(sms message: ChannelMessage) {
    id = message.id.lowercased
    channel = .sms
    to = message.recipient
    text = message.content.text
    expiresAt = message.expiresAt
  }

  init(push message: ChannelMessage, to device: PushTarget) {
    id = Self.id(message.id, device.id)
    channel = .push
    to = device.token
    platform = device.platform
    title = message.content.subject
    text = message.content.text
    link = message.content.link
    expiresAt = message.expiresAt
  }

  private static func id(_ delivery: UUID, _ device: UUID) -> String { "\(delivery.lowercased).\(device.lowercased)" }

  /// - Returns: the delivery, and of a push message the device.
  static func ids(_ id: String) -> (delivery: UUID, device: UUID?)? {
    let parts = id.split(separator: ".", omittingEmptySubsequences: false).map { UUID(uuidString: String($0)) }
    guard (1...2).contains(parts.count), let delivery = parts[0] else { return nil }
    guard parts.count == 2 else { return (delivery, nil) }
    return parts[1].map { (delivery, $0) }
  }

  var body: [UInt8] {
    get throws {
      let encoder = WireFormat.makeEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return Array(try encoder.encode(self))
    }
  }
}

/// What a provider answered.
enum ProviderAnswer: Sendable, Hashable {
  /// Taken over; with its name there.
  case accepted(String)
  /// Not now, or not with us: the next provider may do better.
  case troubled(String)
  /// It, or whoever it asked, will never take that message.
  case refused(String)
  /// The same, because nobody is there any more: a number or token that ended.
  case gone(String)

  private struct Acceptance: Decodable { var id: String }
  private struct Refusal: Decodable {
    var code: String?
    var message: String?
  }

  init(_ answer: OutgoingAnswer) {
    switch answer {
    case .failed(let reason): self = .troubled(reason)
    case .reply(let status, let body): self.init(status, Data(body))
    }
  }

  private init(_ status: Int, _ body: Data) {
    switch status {
    case 200..<300:
      guard let id = try? JSONDecoder().decode(Acceptance.self, from: body).id, !id.isEmpty else {
        self = .troubled("it answered \(status) without a message id")
        return
      }
      self = .accepted(String(id.prefix(200)))
    // Ours to mend, or a matter of time; no fault of the message.
    case 401, 403, 404, 405, 407, 408, 425, 429: self = .troubled("it answered \(status)\(Self.words(body).text)")
    case 400..<500:
      let words = Self.words(body)
      self =
        status == 410 || words.code == "unregistered"
        ? .gone("it answered \(status)\(words.text)") : .refused("it answered \(status)\(words.text)")
    default: self = .troubled("it answered \(status)")
    }
  }

  private static func words(_ body: Data) -> (code: String?, text: String) {
    guard let refusal = try? JSONDecoder().decode(Refusal.self, from: body) else { return (nil, "") }
    let words = [refusal.code, refusal.message].compactMap { $0 }.joined(separator: ": ")
    return (refusal.code, words.isEmpty ? "" : ": \(words.prefix(300))")
  }
}
