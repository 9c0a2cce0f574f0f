public import Foundation
public import GravityContracts

/// What auth tells other services. Ids only: whoever needs more asks auth for it.
public enum AuthEvents {
  public static let all: [any EventDescription] = [
    userRegistered, userVerified, userSuspended, userReactivated, userDeleted, userEmailChanged, loginSucceeded,
    loginFailed, sessionRevoked, tokenRevoked, tokenReuseDetected, passwordChanged, rolesChanged, roleChanged,
    keyRotated, clientChanged, apiKeyCreated,
    apiKeyRevoked, secondFactorEnrolled, secondFactorRemoved, identityLinked,
    identityUnlinked, passkeyAdded, passkeyRemoved, passkeyCloneSuspected, revocationsAnnounced,
  ]

  public static let userRegistered = EventType<AccountEvent>(
    "user.registered.v1", summary: "An account was opened; it may have to prove its address yet")
  public static let userVerified = EventType<AccountEvent>(
    "user.verified.v1", summary: "An account's address was proved")
  public static let userSuspended = EventType<AccountEvent>(
    "user.suspended.v1", summary: "An administrator suspended an account")
  public static let userReactivated = EventType<AccountEvent>(
    "user.reactivated.v1", summary: "An account that was suspended is active again")
  public static let userDeleted = EventType<AccountEvent>("user.deleted.v1", summary: "An account was deleted")
  public static let userEmailChanged = EventType<AccountEvent>(
    "user.email_changed.v1", summary: "An account has another address")
  public static let rolesChanged = EventType<AccountEvent>(
    "user.roles_changed.v1", summary: "An account has other roles")
  public static let passwordChanged = EventType<AccountEvent>(
    "password.changed.v1", summary: "An account has another password")

  public static let loginSucceeded = EventType<SessionEvent>("login.succeeded.v1", summary: "A session was opened")
  public static let loginFailed = EventType<LoginFailure>(
    "login.failed.v1", summary: "Credentials were refused; the account is known only when the address was")
  public static let sessionRevoked = EventType<SessionEvent>("session.revoked.v1", summary: "A session was ended")
  public static let tokenReuseDetected = EventType<SessionEvent>(
    "token.reuse_detected.v1", summary: "A refresh token came a second time, so its session was ended")
  public static let tokenRevoked = EventType<TokenEvent>("token.revoked.v1", summary: "One access token was revoked")

  public static let roleChanged = EventType<RoleEvent>(
    "role.changed.v1", summary: "A role was made, changed or deleted")
  public static let keyRotated = EventType<KeyEvent>("key.rotated.v1", summary: "Tokens are signed with another key")
  public static let apiKeyCreated = EventType<APIKeyEvent>(
    "api_key.created.v1", summary: "An account has another API key")
  public static let apiKeyRevoked = EventType<APIKeyEvent>("api_key.revoked.v1", summary: "An API key was ended")
  public static let clientChanged = EventType<ClientEvent>(
    "client.changed.v1", summary: "An OAuth client was made, changed or deleted")
}

extension AuthEvents {
  /// Announced to the gateways that listen, never kept: several times a second, and at once when something is revoked.
  public static let revocationsAnnounced = EventType<SealedAnnouncement>(
    "auth.revocations.v1", summary: "What was revoked since the last announcement, or that nothing was")
}

public struct AccountEvent: Codable, Sendable, Hashable {
  public var accountID: UUID
  public init(accountID: UUID) { self.accountID = accountID }
  enum CodingKeys: String, CodingKey { case accountID = "account_id" }
}

public struct SessionEvent: Codable, Sendable, Hashable {
  public var accountID: UUID
  public var sessionID: UUID
  public init(accountID: UUID, sessionID: UUID) {
    self.accountID = accountID
    self.sessionID = sessionID
  }
  enum CodingKeys: String, CodingKey {
    case accountID = "account_id"
    case sessionID = "session_id"
  }
}

public struct LoginFailure: Codable, Sendable, Hashable {
  public var accountID: UUID?
  public init(accountID: UUID?) { self.accountID = accountID }
  enum CodingKeys: String, CodingKey { case accountID = "account_id" }
}

public struct TokenEvent: Codable, Sendable, Hashable {
  /// The token's `jti`.
  public var tokenID: String
  public init(tokenID: String) { self.tokenID = tokenID }
  enum CodingKeys: String, CodingKey { case tokenID = "token_id" }
}

public struct RoleEvent: Codable, Sendable, Hashable {
  public var role: String
  public init(role: String) { self.role = role }
}

public struct KeyEvent: Codable, Sendable, Hashable {
  /// The key's `kid`.
  public var key: String
  public init(key: String) { self.key = key }
}

public struct ClientEvent: Codable, Sendable, Hashable {
  public var clientID: UUID
  public init(clientID: UUID) { self.clientID = clientID }
  enum CodingKeys: String, CodingKey { case clientID = "client_id" }
}

public struct APIKeyEvent: Codable, Sendable, Hashable {
  public var accountID: UUID
  public var keyID: UUID
  public init(accountID: UUID, keyID: UUID) {
    self.accountID = accountID
    self.keyID = keyID
  }
  enum CodingKeys: String, CodingKey {
    case accountID = "account_id"
    case keyID = "key_id"
  }
}
