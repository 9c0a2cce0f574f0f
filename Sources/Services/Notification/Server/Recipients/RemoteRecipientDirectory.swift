import AuthAPI
public import Foundation
public import GravityContracts
public import GravityDiscovery
import UserAPI

/// Asks auth for the address and the user service for the language.
public struct RemoteRecipientDirectory: RecipientDirectory {
  /// What the clients' tokens have to carry.
  public static let accountPermission: Permission = "accounts:read"
  public static let profilePermission: Permission = "users:read"

  private let auth: EndpointClient
  private let users: EndpointClient?
  private let timeout: Duration

  /// - Parameters:
  ///   - auth: With a service token that carries `accounts:read`.
  ///   - users: With one that carries `users:read`. Without it, messages are in their template's default locale.
  ///   - timeout: How long one question may take.
  public init(auth: EndpointClient, users: EndpointClient? = nil, timeout: Duration = .seconds(2)) {
    self.auth = auth
    self.users = users
    self.timeout = timeout
  }

  public func recipient(_ account: UUID) async throws -> AccountRecipient? {
    async let locale = locale(of: account)
    let found: Account
    do { found = try await auth(AuthAPI.account, AccountID(id: account), timeout: timeout) } catch let problem
      as Problem
      where problem.status == 404 && problem.code == "not_found"
    {
      _ = await locale
      return nil
    }
    let language = await locale
    guard found.status != .known(.deleted) else { return nil }
    return AccountRecipient(email: found.email, name: found.name, locale: language)
  }

  /// A message in another language is better than none: when the profile cannot be had, nobody waits for it.
  private func locale(of account: UUID) async -> String? {
    guard let users else { return nil }
    return try? await users(UserAPI.user, UserID(id: account), timeout: timeout).locale
  }
}
