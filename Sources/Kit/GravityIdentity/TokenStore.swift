public import Foundation

/// What is kept of an issued access token until it expires (the seed's "cache access-token metadata").
public struct IssuedToken: Sendable, Hashable, Codable {
  /// The token's `jti`.
  public var id: String
  public var subject: String
  public var sessionID: String?
  public var issuedAt: Date
  public var expiresAt: Date

  public init(id: String, subject: String, sessionID: String?, issuedAt: Date, expiresAt: Date) {
    self.id = id
    self.subject = subject
    self.sessionID = sessionID
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
  }

  enum CodingKeys: String, CodingKey {
    case id, subject
    case sessionID = "session_id"
    case issuedAt = "issued_at"
    case expiresAt = "expires_at"
  }
}

/// Issued tokens, sessions' last use and the blacklist, where every instance can ask for them.
///
/// A cache may forget an issued token or a last use; a revocation may not be forgotten before it expires, and a store
/// that lost them says so by ``isSeeded()``. auth_db is the truth from which the store is seeded.
/// `TokenStoreConformance` holds what a store must do.
public protocol TokenStore: Sendable {
  /// Keeps the token's metadata until it expires.
  func record(_ token: IssuedToken) async throws

  /// - Returns: nil when it expired, was never recorded or was evicted.
  func token(_ id: String) async throws -> IssuedToken?

  /// Notes that the session was used; an earlier moment than the one that is known changes nothing.
  func touch(session id: String, at time: Date, expiresAt: Date) async throws

  /// - Returns: The last use of those sessions of which it is known.
  func lastSeen(sessions ids: [String]) async throws -> [String: Date]

  /// Adds to the blacklist; what is there already stays.
  func revoke(_ revocations: [Revocation]) async throws

  /// The blacklist, without what expired.
  func revocations() async throws -> [Revocation]

  /// What the blacklist says of one token; asked by those who do not hold the whole of it.
  /// - Returns: `.unknown` when the store lost its contents and they are not back yet.
  func verdict(
    tokenID: String, sessionID: String?, subject: String, epoch: Int64
  ) async throws -> RevocationList.Verdict

  /// Adds everything that the database knows, and says that nothing is missing.
  func seed(_ revocations: [Revocation]) async throws

  /// Whether the blacklist is whole. False before the first ``seed(_:)``, and again after the store lost its contents.
  func isSeeded() async throws -> Bool
}
