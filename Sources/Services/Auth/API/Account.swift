public import Foundation
public import GravityContracts

public struct Account: Codable, Sendable, Hashable, EntityTagged {
  public enum Status: String, Codable, Sendable, CaseIterable { case unverified, active, suspended, deleted }

  public var id: UUID
  /// nil once the account was deleted.
  public var email: String?
  /// Whether a mailed token proved that the address is the account's; nil from an instance that does not tell yet.
  public var isEmailVerified: Bool?
  public var name: String
  public var status: Open<Status>
  public var roles: [String]
  /// Counts up with every change; the ETag is made of it.
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date

  public init(
    id: UUID, email: String?, isEmailVerified: Bool? = nil, name: String, status: Status, roles: [String],
    version: Int64, createdAt: Date, updatedAt: Date
  ) {
    self.id = id
    self.email = email
    self.isEmailVerified = isEmailVerified
    self.name = name
    self.status = .known(status)
    self.roles = roles
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case id, email, name, status, roles, version
    case isEmailVerified = "email_verified"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

public struct Registration: Codable, Sendable {
  /// At most 254 bytes; compared without regard to case.
  public var email: String
  /// 8 to 128 characters.
  public var password: String
  /// 1 to 200 characters.
  public var name: String

  public init(email: String, password: String, name: String) {
    self.email = email
    self.password = password
    self.name = name
  }
}

/// The new account (201), or nothing (202) where its address must be verified first: whoever asks does not learn
/// whether there was an account before.
public struct Registered: Codable, Sendable, Hashable {
  public var id: UUID?
  public var email: String?
  public var name: String?
  public var status: Open<Account.Status>?
  public var roles: [String]?

  public init(id: UUID, email: String, name: String, status: Account.Status, roles: [String]) {
    self.id = id
    self.email = email
    self.name = name
    self.status = .known(status)
    self.roles = roles
  }
  public init() {}
}

/// A token that was mailed and works once.
public struct OneTimeToken: Codable, Sendable {
  public var token: String
  public init(token: String) { self.token = token }
}

public struct Address: Codable, Sendable {
  public var email: String
  public init(email: String) { self.email = email }
}

public struct PasswordChange: Codable, Sendable {
  public var currentPassword: String
  public var newPassword: String

  public init(currentPassword: String, newPassword: String) {
    self.currentPassword = currentPassword
    self.newPassword = newPassword
  }

  enum CodingKeys: String, CodingKey {
    case currentPassword = "current_password"
    case newPassword = "new_password"
  }
}

public struct EmailChange: Codable, Sendable {
  /// At most 254 bytes; compared without regard to case.
  public var newEmail: String
  public var currentPassword: String

  public init(newEmail: String, currentPassword: String) {
    self.newEmail = newEmail
    self.currentPassword = currentPassword
  }

  enum CodingKeys: String, CodingKey {
    case newEmail = "new_email"
    case currentPassword = "current_password"
  }
}

public struct Recovery: Codable, Sendable {
  public var token: String
  public var newPassword: String

  public init(token: String, newPassword: String) {
    self.token = token
    self.newPassword = newPassword
  }

  enum CodingKeys: String, CodingKey {
    case token
    case newPassword = "new_password"
  }
}

public struct AccountID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

public struct AccountSearch: Codable, Sendable {
  public var limit: Int?
  public var cursor: Cursor?
  public var status: Account.Status?
  /// The whole address.
  public var email: String?
  /// How an address begins: 1 to 254 characters, in any case.
  public var q: String?
  /// Those that hold this role.
  public var role: String?
  /// `created_at`, the oldest first, unless it is given. A cursor is good for the order that it came from.
  public var sort: Sort?

  public enum Sort: String, Codable, Sendable, CaseIterable {
    case oldestFirst = "created_at"
    case newestFirst = "-created_at"
  }

  public init(
    limit: Int? = nil, cursor: Cursor? = nil, status: Account.Status? = nil, email: String? = nil, q: String? = nil,
    role: String? = nil, sort: Sort? = nil
  ) {
    self.limit = limit
    self.cursor = cursor
    self.status = status
    self.email = email
    self.q = q
    self.role = role
    self.sort = sort
  }
}

/// What is left out stays.
public struct AccountUpdate: Codable, Sendable {
  public var id: UUID
  public var name: String?
  /// `suspended`, `active` or `deleted`; a deleted account cannot come back.
  public var status: Account.Status?
  /// All the roles that the account is to have.
  public var roles: [String]?
  /// Why the status or the roles change, for administrators: 1 to 500 characters.
  public var reason: String?

  public init(
    id: UUID, name: String? = nil, status: Account.Status? = nil, roles: [String]? = nil, reason: String? = nil
  ) {
    self.id = id
    self.name = name
    self.status = status
    self.roles = roles
    self.reason = reason
  }
}
