public import Foundation
public import NotificationAPI

/// Somebody who sends text or push messages for us, by the requests that `notification.md` describes.
public struct MessageProvider: Sendable, Hashable {
  /// Letters a–z, digits and `-`; at most 40. In the path of its reports.
  public var name: String
  /// `sms` or `push`.
  public var channel: DeliveryChannel
  /// Where messages are posted to.
  public var url: URL
  /// `whsec_…`: signs our requests and its reports.
  public var secret: String
  /// For one request; 1 to 30 s.
  public var timeout: Duration

  /// nil when it is none.
  public init?(
    name: String, channel: DeliveryChannel, url: String, secret: String, timeout: Duration = .seconds(10)
  ) {
    guard (1...40).contains(name.utf8.count),
      name.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }),
      [.sms, .push].contains(channel), let parsed = URL(string: url), let scheme = parsed.scheme?.lowercased(),
      ["https", "http"].contains(scheme), parsed.host(percentEncoded: false)?.isEmpty == false, parsed.user == nil,
      parsed.fragment == nil, WebhookSignature.isSecret(secret), timeout >= .seconds(1), timeout <= .seconds(30)
    else { return nil }
    self.name = name
    self.channel = channel
    self.url = parsed
    self.secret = secret
    self.timeout = timeout
  }

  /// Providers of one channel, the first to be asked first, parted by commas: `NAME URL SECRET [SECONDS]`.
  /// - Returns: nil for what is no such list.
  public static func list(_ text: String, _ channel: DeliveryChannel) -> [MessageProvider]? {
    var providers: [MessageProvider] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let words = part.split(separator: " ").map(String.init)
      guard (3...4).contains(words.count), let seconds = words.count == 4 ? Int(words[3]) : 10,
        let provider = MessageProvider(
          name: words[0], channel: channel, url: words[1], secret: words[2], timeout: .seconds(seconds)),
        !providers.contains(where: { $0.name == provider.name })
      else { return nil }
      providers.append(provider)
    }
    return providers
  }
}

/// The providers that there are, and what they are asked with.
public struct MessageProviders: Sendable {
  public var all: [MessageProvider]
  public var http: any OutgoingHTTP

  /// - Parameter http: May go to private addresses: an operator chose them.
  public init(_ all: [MessageProvider], http: any OutgoingHTTP) {
    self.all = all
    self.http = http
  }
}
