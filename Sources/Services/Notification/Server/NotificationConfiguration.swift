public import Foundation
public import NotificationAPI

/// The settings of the notification service.
public struct NotificationConfiguration: Sendable, Hashable {
  /// What stands in `From`: an e-mail address of ASCII characters.
  public var senderAddress = "no-reply@gravity.localhost"
  /// At most 100 characters, one line.
  public var senderName = "Gravity"
  /// What templates write for `{{site.name}}`; at most 100 characters, one line.
  public var siteName = "Gravity"
  /// Those that a notification goes by unless it says which, as far as its template has a text for them; at least one.
  public var channels: [DeliveryChannel] = [.email]
  /// Whether accounts are open only once their address is proved: then nobody is welcomed before.
  public var accountsOpenVerified = false
  /// How many messages are written and sent in one go, 1 to 500.
  public var batch = 64
  /// How many such goes are under way at a time in one instance, 1 to 16.
  public var lanes = 2
  /// Seconds for which an attempt owns a delivery, 5 to 600: a process that dies leaves it to others after that. One that
  /// is at work renews it.
  public var lease: TimeInterval = 30
  /// Seconds for which messages, and the addresses and data they were written with, are kept; at least a day.
  public var contentRetention: TimeInterval = 90 * 86_400

  /// Whether the outbox shows what only recipients may read, for development: whoever reads it could set the passwords of
  /// others.
  public var showsSecrets = false

  /// Where webhooks may go.
  public var webhookAddresses = AddressPolicy()
  /// What an inbox keeps of one user, 10 to 10000 messages: beyond it the oldest that was read goes, or the oldest.
  public var greatestInbox = 1_000
  /// Streams of inboxes that one user may have open at one instance, 1 to 100.
  public var streamsOfUser = 5
  /// And all users together.
  public var streams = 10_000
  /// Seconds for which what was sent to webhooks is kept, with its log; at least a day.
  public var webhookRetention: TimeInterval = 30 * 86_400

  public init() {}

  /// What follows `@` in the sender's address; the right side of every Message-ID.
  public var domain: String { senderAddress.split(separator: "@").last.map(String.init) ?? "localhost" }

  /// - Throws: ``NotificationConfigurationError`` that names the setting and its bounds.
  public func validate() throws(NotificationConfigurationError) {
    guard let address = EmailAddress(senderAddress), address.text.utf8.allSatisfy({ $0 < 0x80 }) else {
      throw NotificationConfigurationError(description: "sender address: must be an e-mail address in ASCII")
    }
    for (setting, name) in [("sender name", senderName), ("site name", siteName)] {
      guard (1...100).contains(name.count), name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
      else {
        throw NotificationConfigurationError(description: "\(setting): must have 1 to 100 characters in one line")
      }
    }
    guard !channels.isEmpty, Set(channels).count == channels.count else {
      throw NotificationConfigurationError(description: "channels: must be at least one, each once")
    }
    guard (1...500).contains(batch) else {
      throw NotificationConfigurationError(description: "batch: must be 1 to 500 messages")
    }
    guard (1...16).contains(lanes) else { throw NotificationConfigurationError(description: "lanes: must be 1 to 16") }
    guard (5...600).contains(lease) else {
      throw NotificationConfigurationError(description: "lease: must be 5 to 600 seconds")
    }
    guard contentRetention >= 86_400 else {
      throw NotificationConfigurationError(description: "content retention: must be at least 86400 seconds")
    }
    guard (10...10_000).contains(greatestInbox) else {
      throw NotificationConfigurationError(description: "inbox: must be 10 to 10000 messages")
    }
    guard (1...100).contains(streamsOfUser), streams >= streamsOfUser else {
      throw NotificationConfigurationError(description: "streams: must be 1 to 100 of a user, and no fewer in all")
    }
    guard webhookRetention >= 86_400 else {
      throw NotificationConfigurationError(description: "webhook retention: must be at least 86400 seconds")
    }
  }
}

/// A setting that cannot be used. For the operator.
public struct NotificationConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String
}
