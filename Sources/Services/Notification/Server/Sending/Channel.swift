public import Foundation
public import NotificationAPI

/// A way to reach people: e-mail now; text messages, push and webhooks are others.
public protocol Channel: Sendable {
  var kind: DeliveryChannel { get }

  /// Hands messages over; see ``MailTransport/send(_:)``.
  /// - Returns: what became of each, in their order.
  func send(_ messages: [ChannelMessage]) async -> [SendOutcome]

  /// See ``MailTransport/erase(_:)``.
  func erase(_ ids: [UUID]) async throws
}

/// A message that is written, for one recipient.
public struct ChannelMessage: Sendable, Hashable {
  /// The delivery's.
  public var id: UUID
  /// What the channel reaches people by: an e-mail address.
  public var recipient: String
  public var name: String?
  public var content: RenderedMessage
  /// When the delivery was made.
  public var date: Date
  /// Where the recipient says that they want no more of it; nil where they have no say.
  public var unsubscribe: String?

  public init(
    id: UUID, recipient: String, name: String?, content: RenderedMessage, date: Date, unsubscribe: String? = nil
  ) {
    self.unsubscribe = unsubscribe
    self.id = id
    self.recipient = recipient
    self.name = name
    self.content = content
    self.date = date
  }
}

/// E-mail.
struct EmailChannel: Channel {
  let kind = DeliveryChannel.email
  let writer: MailWriter
  let transport: any MailTransport

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
