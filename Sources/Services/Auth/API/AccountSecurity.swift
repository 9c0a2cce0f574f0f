public import Foundation
public import GravityContracts

/// What an administrator has to know of an account before they act on it.
public struct AccountSecurity: Codable, Sendable, Hashable {
  /// Whether the address was proved to be the account's.
  public var emailVerified: Bool
  /// Whether it can log in with a password.
  public var hasPassword: Bool
  /// Whether a login with the password asks for a second factor.
  public var hasSecondFactor: Bool
  /// How many passkeys it has.
  public var passkeys: Int
  /// By what its owner can show again who they are (``AuthAPI/stepUp``).
  public var stepUpMethods: [Open<ProofMethod>]
  /// How many sessions are open.
  public var openSessions: Int
  /// Failed logins within the last day that count against the account, from wherever nobody logged in to it before.
  public var failedLogins: Int
  /// Until when such logins are refused because of them; nil when they are not.
  public var blockedUntil: Date?
  /// Newest first; at most 100. Their secrets are nowhere.
  public var apiKeys: [APIKey]
  /// How many OAuth clients it let in.
  public var consents: Int
  /// What administrators did to it, newest first: the last 50.
  public var changes: [AccountChange]

  public init(
    emailVerified: Bool, hasPassword: Bool, hasSecondFactor: Bool, passkeys: Int, stepUpMethods: [ProofMethod],
    openSessions: Int, failedLogins: Int, blockedUntil: Date?, apiKeys: [APIKey], consents: Int,
    changes: [AccountChange]
  ) {
    self.emailVerified = emailVerified
    self.hasPassword = hasPassword
    self.hasSecondFactor = hasSecondFactor
    self.passkeys = passkeys
    self.stepUpMethods = stepUpMethods.map(Open.known)
    self.openSessions = openSessions
    self.failedLogins = failedLogins
    self.blockedUntil = blockedUntil
    self.apiKeys = apiKeys
    self.consents = consents
    self.changes = changes
  }

  enum CodingKeys: String, CodingKey {
    case consents, changes, passkeys
    case emailVerified = "email_verified"
    case hasPassword = "has_password"
    case hasSecondFactor = "has_second_factor"
    case stepUpMethods = "step_up_methods"
    case openSessions = "open_sessions"
    case failedLogins = "failed_logins"
    case blockedUntil = "blocked_until"
    case apiKeys = "api_keys"
  }
}

/// What an administrator did to an account.
public struct AccountChange: Codable, Sendable, Hashable {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// ``AccountChange/before`` and ``AccountChange/after`` are states.
    case status
    /// They are the names of roles, apart by blanks.
    case roles
    /// Sessions were ended: ``AccountChange/after`` is how many.
    case sessionsRevoked = "sessions_revoked"
  }

  public var id: UUID
  public var kind: Open<Kind>
  public var before: String?
  public var after: String
  /// As it was given; nil where none was, and once the account was deleted.
  public var reason: String?
  /// Who did it: an account's id, or a client's.
  public var by: String
  public var at: Date

  public init(
    id: UUID, kind: Kind, before: String?, after: String, reason: String?, by: String, at: Date
  ) {
    self.id = id
    self.kind = .known(kind)
    self.before = before
    self.after = after
    self.reason = reason
    self.by = by
    self.at = at
  }
}

public struct AccountSessionsQuery: Codable, Sendable {
  /// The account's.
  public var id: UUID
  public var limit: Int?
  public var cursor: Cursor?

  public init(id: UUID, limit: Int? = nil, cursor: Cursor? = nil) {
    self.id = id
    self.limit = limit
    self.cursor = cursor
  }
}

public struct AccountSessionID: Codable, Sendable {
  /// The account's.
  public var id: UUID
  public var session: UUID

  public init(id: UUID, session: UUID) {
    self.id = id
    self.session = session
  }
}

/// How many accounts hold each role; deleted ones are not counted.
public struct RoleHolderCounts: Codable, Sendable, Hashable {
  /// By name; every role, also those that nobody holds.
  public var items: [RoleHolderCount]
  public init(items: [RoleHolderCount]) { self.items = items }
}

public struct RoleHolderCount: Codable, Sendable, Hashable {
  public var role: String
  /// Counted up to 10 000.
  public var count: Int
  /// Whether there are more than were counted.
  public var hasMore: Bool

  public init(role: String, count: Int, hasMore: Bool) {
    self.role = role
    self.count = count
    self.hasMore = hasMore
  }

  enum CodingKeys: String, CodingKey {
    case role, count
    case hasMore = "has_more"
  }
}
