public import Foundation

/// What takes mails over: ``DiskMailTransport`` by default, a server that speaks SMTP for the real thing.
public protocol MailTransport: Sendable {
  /// Takes mails over, as many as go at once.
  ///
  /// A mail may come again, with the same ``Mail/id`` and Message-ID: when the process died before it was known that
  /// it had been taken over. ``SendOutcome/sent`` is a promise that it will not be lost from then on.
  ///
  /// - Returns: what became of each, in their order.
  func send(_ mails: [Mail]) async -> [SendOutcome]

  /// Deletes whatever it keeps of these, for those who asked to be forgotten. Who keeps nothing does nothing; what is
  /// not there any more is no error.
  /// - Throws: when that is not certain; it is tried again.
  func erase(_ ids: [UUID]) async throws
}

/// What became of a message.
public enum SendOutcome: Sendable, Hashable {
  /// Taken over for good.
  case sent
  /// The same, and by whom and under which name there, for an operator.
  case handedOver(String)
  /// Not now; it is tried again.
  case failed(String)
  /// Refused by the recipient's side for good; it is not tried again.
  case bounced(String)
  /// The same, because there is no such mailbox: nothing more is sent to that address.
  case noMailbox(String)
}
