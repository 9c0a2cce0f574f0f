import AuthAPI
public import Foundation
public import GravityContracts
public import GravityDiscovery
public import UserAPI

/// Asks auth for the address, and the user service for the language and what is wanted.
public struct RemoteRecipientDirectory: RecipientDirectory {
  /// What the clients' tokens have to carry.
  public static let accountPermission: Permission = "accounts:read"

  private let auth: EndpointClient
  private let users: EndpointClient?
  private let timeout: Duration

  /// - Parameters:
  ///   - auth: With a service token that carries `accounts:read`.
  ///   - users: With a service token. Without it, messages are in their template's default locale, and everybody wants
  ///     what is wanted by default.
  ///   - timeout: How long one question may take.
  public init(auth: EndpointClient, users: EndpointClient? = nil, timeout: Duration = .seconds(2)) {
    self.auth = auth
    self.users = users
    self.timeout = timeout
  }

  public func recipient(_ account: UUID) async throws -> AccountRecipient? {
    async let settings = settings(of: account)
    let found: Account
    do { found = try await auth(AuthAPI.account, AccountID(id: account), timeout: timeout) } catch let problem
      as Problem
      where problem.status == 404 && problem.code == "not_found"
    {
      _ = await settings
      return nil
    }
    let known = await settings
    guard found.status != .known(.deleted) else { return nil }
    return AccountRecipient(
      email: found.email, name: found.name, phone: known.phone, locale: known.locale,
      preferences: known.preferences)
  }

  private struct Known {
    var phone: String?
    var locale: String?
    var preferences: NotificationPreferences?
  }

  /// A message in another language is better than none, so nobody waits for the language; only what one may switch off
  /// waits until it is known whether one did, and a text message for the number.
  private func settings(of account: UUID) async -> Known {
    guard let users else { return Known(preferences: NotificationPreferences()) }
    do {
      let found = try await users(UserAPI.notificationSettings, UserID(id: account), timeout: timeout)
      return Known(
        phone: found.phone, locale: found.locale, preferences: NotificationPreferences(found.choices))
    } catch let problem as Problem where problem.status == 404 && problem.code == "not_found" {
      return Known(preferences: NotificationPreferences())
    } catch { return Known() }
  }

  public func switchOff(
    _ channel: NotificationChannel, _ category: NotificationCategory, of user: UUID
  ) async throws -> Bool {
    guard let users else { return false }
    do {
      _ = try await users(
        UserAPI.switchOffNotifications, NotificationSwitchOff(id: user, channel: channel, category: category),
        timeout: timeout)
      return true
    } catch let problem as Problem where problem.status == 404 && problem.code == "not_found" { return false }
  }
}
