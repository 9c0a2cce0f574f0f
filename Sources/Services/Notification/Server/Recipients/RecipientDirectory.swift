public import Foundation

/// Where the addresses of accounts are known: auth.
public protocol RecipientDirectory: Sendable {
  /// - Returns: nil when there is no such account any more.
  /// - Throws: when nothing can be said now; the message is tried again.
  func recipient(_ account: UUID) async throws -> AccountRecipient?
}

/// Whom to write to.
public struct AccountRecipient: Sendable, Hashable {
  /// nil when the account has none.
  public var email: String?
  public var name: String
  /// The language that the user reads; nil when they did not say.
  public var locale: String?

  public init(email: String?, name: String, locale: String? = nil) {
    self.email = email
    self.name = name
    self.locale = locale
  }
}
