public import Foundation
public import NotificationAPI

/// A way to reach people: e-mail, text messages, push messages, an inbox.
public protocol Channel: Sendable {
  var kind: DeliveryChannel { get }

  /// Hands messages over; see ``MailTransport/send(_:)``.
  /// - Returns: what became of each, in their order.
  func send(_ messages: [ChannelMessage]) async -> [SendOutcome]

  /// See ``MailTransport/erase(_:)``.
  func erase(_ ids: [UUID]) async throws

  /// By what a message would go now, in plain words.
  var route: String { get }
}

/// A message that is written, for one recipient.
public struct ChannelMessage: Sendable, Hashable {
  /// The delivery's.
  public var id: UUID
  /// What the channel reaches people by: an e-mail address, a phone number; of the rest, the user's id.
  public var recipient: String
  public var name: String?
  public var content: RenderedMessage
  /// When the delivery was made.
  public var date: Date
  /// Where the recipient says that they want no more of it; nil where they have no say.
  public var unsubscribe: String?
  public var userID: UUID?
  public var notificationID: UUID
  public var category: MessageCategory
  public var about: String?
  /// When it makes no sense any more.
  public var expiresAt: Date?
  /// Of a push message; at least one.
  public var devices: [PushTarget]

  public init(
    id: UUID, recipient: String, name: String?, content: RenderedMessage, date: Date, unsubscribe: String? = nil,
    userID: UUID?, notificationID: UUID, category: MessageCategory, about: String?, expiresAt: Date?,
    devices: [PushTarget] = []
  ) {
    self.userID = userID
    self.notificationID = notificationID
    self.category = category
    self.about = about
    self.expiresAt = expiresAt
    self.devices = devices
    self.unsubscribe = unsubscribe
    self.id = id
    self.recipient = recipient
    self.name = name
    self.content = content
    self.date = date
  }
}

/// A device that a push message goes to.
public struct PushTarget: Sendable, Hashable {
  public var id: UUID
  public var platform: PushPlatform
  /// A secret of the device and its provider.
  public var token: String

  public init(id: UUID, platform: PushPlatform, token: String) {
    self.id = id
    self.platform = platform
    self.token = token
  }
}

/// E-mail.
struct EmailChannel: Channel {
  let kind = DeliveryChannel.email
  let writer: MailWriter
  let transport: any MailTransport
  let route = "mail"

  func send(_ messages: [ChannelMessage]) async -> [SendOutcome] {
    var outcomes = [SendOutcome?](repeating: nil, count: messages.count)
    var (mails, places) = ([Mail](), [Int]())
    for (index, message) in messages.enumerated() {
      guard let address = EmailAddress(message.recipient) else {
        outcomes[index] = .bounced("it is not an e-mail address")
        continue
      }
      places.append(index)
      mails.append(
        writer.mail(
          message.id, to: address, name: message.name, subject: message.content.subject, text: message.content.text,
          html: message.content.html, locale: message.content.locale, date: message.date,
          unsubscribe: message.unsubscribe))
    }
    if !mails.isEmpty {
      for (place, outcome) in zip(places, await transport.send(mails)) { outcomes[place] = outcome }
    }
    return outcomes.map { $0 ?? .failed("the transport did not say what became of it") }
  }

  func erase(_ ids: [UUID]) async throws { try await transport.erase(ids) }
}
