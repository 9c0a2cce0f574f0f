public import Foundation
import GravityContracts

public struct Credentials: Codable, Sendable {
  public var email: String
  public var password: String

  public init(email: String, password: String) {
    self.email = email
    self.password = password
  }
}

/// The reply of a login or a refresh (RFC 6749 §5.1).
public struct Tokens: Codable, Sendable, Hashable {
  public var accessToken: String
  /// `Bearer`.
  public var tokenType: String
  /// Seconds.
  public var expiresIn: Int
  public var refreshToken: String
  /// Seconds until the session ends if it is not refreshed.
  public var refreshExpiresIn: Int

  public init(accessToken: String, expiresIn: Int, refreshToken: String, refreshExpiresIn: Int) {
    self.accessToken = accessToken
    self.tokenType = "Bearer"
    self.expiresIn = expiresIn
    self.refreshToken = refreshToken
    self.refreshExpiresIn = refreshExpiresIn
  }

  enum CodingKeys: String, CodingKey {
    case accessToken = "access_token"
    case tokenType = "token_type"
    case expiresIn = "expires_in"
    case refreshToken = "refresh_token"
    case refreshExpiresIn = "refresh_expires_in"
  }
}

public struct RefreshRequest: Codable, Sendable {
  public var refreshToken: String
  public init(refreshToken: String) { self.refreshToken = refreshToken }
  enum CodingKeys: String, CodingKey { case refreshToken = "refresh_token" }
}

/// A device that is logged in.
public struct Session: Codable, Sendable, Hashable {
  public var id: UUID
  /// As the device called itself when it logged in.
  public var userAgent: String?
  /// The address of its last login or refresh.
  public var address: String
  public var createdAt: Date
  public var lastSeenAt: Date
  /// When it ends if it is not refreshed before.
  public var expiresAt: Date
  /// Whether it is the session that asks.
  public var current: Bool
  /// The OAuth client that somebody let in; nil of a login of one's own.
  public var clientID: UUID?

  public init(
    id: UUID, userAgent: String?, address: String, createdAt: Date, lastSeenAt: Date, expiresAt: Date, current: Bool,
    clientID: UUID? = nil
  ) {
    self.id = id
    self.userAgent = userAgent
    self.address = address
    self.createdAt = createdAt
    self.lastSeenAt = lastSeenAt
    self.expiresAt = expiresAt
    self.current = current
    self.clientID = clientID
  }

  enum CodingKeys: String, CodingKey {
    case id, address, current
    case userAgent = "user_agent"
    case createdAt = "created_at"
    case lastSeenAt = "last_seen_at"
    case expiresAt = "expires_at"
    case clientID = "client_id"
  }
}

public struct SessionID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}
