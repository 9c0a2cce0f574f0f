public import Foundation
import GravityContracts

/// A key by which a device or a script acts for an account, limited to its scopes. It never shows its secret again.
public struct APIKey: Codable, Sendable, Hashable {
  /// How each key's secret begins.
  public static let prefix = "gk_"

  public var id: UUID
  public var name: String
  /// Permissions, and `account` for what needs none. The key may do what is here *and* among its owner's permissions.
  public var scopes: [String]
  public var createdAt: Date
  /// nil where it does not expire.
  public var expiresAt: Date?
  /// Written at most once a minute; nil where it was not used yet.
  public var lastUsedAt: Date?

  public init(id: UUID, name: String, scopes: [String], createdAt: Date, expiresAt: Date?, lastUsedAt: Date?) {
    self.id = id
    self.name = name
    self.scopes = scopes
    self.createdAt = createdAt
    self.expiresAt = expiresAt
    self.lastUsedAt = lastUsedAt
  }

  enum CodingKeys: String, CodingKey {
    case id, name, scopes
    case createdAt = "created_at"
    case expiresAt = "expires_at"
    case lastUsedAt = "last_used_at"
  }
}

public struct NewAPIKey: Codable, Sendable {
  /// 1 to 200 characters.
  public var name: String
  /// 1 to 100, each of which the owner holds.
  public var scopes: [String]
  /// In the future; nil does not expire.
  public var expiresAt: Date?

  public init(name: String, scopes: [String], expiresAt: Date? = nil) {
    self.name = name
    self.scopes = scopes
    self.expiresAt = expiresAt
  }

  enum CodingKeys: String, CodingKey {
    case name, scopes
    case expiresAt = "expires_at"
  }
}

public struct CreatedAPIKey: Codable, Sendable {
  public var key: APIKey
  /// `gk_…`: shown this once.
  public var secret: String
  public init(key: APIKey, secret: String) {
    self.key = key
    self.secret = secret
  }
}

public struct APIKeyID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

/// A key that came to a gateway.
public struct APIKeyExchange: Codable, Sendable {
  public var key: String
  public init(key: String) { self.key = key }
}

/// What a key is worth for a while.
public struct APIKeyToken: Codable, Sendable, Hashable {
  public var accessToken: String
  /// Seconds; never past the key's own end.
  public var expiresIn: Int
  public init(accessToken: String, expiresIn: Int) {
    self.accessToken = accessToken
    self.expiresIn = expiresIn
  }
  enum CodingKeys: String, CodingKey {
    case accessToken = "access_token"
    case expiresIn = "expires_in"
  }
}
