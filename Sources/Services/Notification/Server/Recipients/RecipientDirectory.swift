public import Foundation
public import UserAPI

/// Where the addresses of accounts are known: auth.
public protocol RecipientDirectory: Sendable {
  /// - Returns: nil when there is no such account any more.
  /// - Throws: when nothing can be said now; the message is tried again.
  func recipient(_ account: UUID) async throws -> AccountRecipient?

  /// Switches a category off for good, as a user who unsubscribed wants it.
  /// - Returns: false when nobody keeps what that user wants.
  /// - Throws: when it is not certain; it is tried again.
  func switchOff(_ channel: NotificationChannel, _ category: NotificationCategory, of user: UUID) async throws -> Bool
}

/// Whom to write to.
public struct AccountRecipient: Sendable, Hashable {
  /// nil when the account has none.
  public var email: String?
  public var name: String
  /// E.164; nil when they did not say.
  public var phone: String?
  /// The language that the user reads; nil when they did not say.
  public var locale: String?
  /// What they want to be told; nil when that cannot be found out now.
  public var preferences: NotificationPreferences?

  public init(
    email: String?, name: String, phone: String? = nil, locale: String? = nil,
    preferences: NotificationPreferences? = .init()
  ) {
    self.phone = phone
    self.preferences = preferences
    self.email = email
    self.name = name
    self.locale = locale
  }
}
