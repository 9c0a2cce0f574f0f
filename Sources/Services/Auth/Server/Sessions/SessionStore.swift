import AuthAPI
import Foundation
import GravityData

struct SessionRow: SQLRecord {
  var id: UUID
  var accountID: UUID
  /// Of the refresh token that is good now.
  var counter: Int64
  var tokenHash: [UInt8]
  var rotatedAt: Date
  var userAgent: String?
  var address: String
  var createdAt: Date
  var idleExpiresAt: Date
  var expiresAt: Date
  var revokedAt: Date?
  /// Whose tokens it gives; nil of a first-party login and of a browser's.
  var clientID: UUID?
  /// What its tokens are limited to; nil is no limit.
  var scopes: [String]?
  var methods: [String]
  var authenticatedAt: Date

  init(
    id: UUID, accountID: UUID, counter: Int64, tokenHash: [UInt8], client: ClientDevice,
    authentication: UserAuthentication, createdAt: Date, idleExpiresAt: Date, expiresAt: Date, clientID: UUID? = nil,
    scopes: [String]? = nil
  ) {
    self.id = id
    self.accountID = accountID
    self.counter = counter
    self.tokenHash = tokenHash
    rotatedAt = createdAt
    userAgent = client.userAgent
    address = client.address
    self.createdAt = createdAt
    self.idleExpiresAt = idleExpiresAt
    self.expiresAt = expiresAt
    self.clientID = clientID
    self.scopes = scopes
    methods = authentication.methods
    authenticatedAt = authentication.at
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    accountID = try row.get("account_id")
    counter = try row.get("counter")
    tokenHash = try row.get("token_hash")
    rotatedAt = try row.get("rotated_at")
    userAgent = try row.get("user_agent")
    address = try row.get("address")
    createdAt = try row.get("created_at")
    idleExpiresAt = try row.get("idle_expires_at")
    expiresAt = try row.get("expires_at")
    revokedAt = try row.get("revoked_at")
    clientID = try row.get("client_id")
    scopes = try row.get("scopes", as: SQLJSON<[String]>?.self)?.value
    methods = UserAuthentication.methods(
      try row.get("methods", as: String?.self) ?? UserAuthentication.password)
    authenticatedAt = try row.get("authenticated_at", as: Date?.self) ?? createdAt
  }

  /// For tokens: nil where nobody knows when its owner showed who they are.
  var toldAuthentication: Date? {
    authenticatedAt == UserAuthentication.unknownTime ? nil : authenticatedAt
  }

  func isOpen(at now: Date) -> Bool { revokedAt == nil && idleExpiresAt > now && expiresAt > now }
}

/// From where somebody uses a session.
struct ClientDevice: Sendable, Hashable {
  let address: String
  let userAgent: String?

  init(address: String, userAgent: String?) {
    self.address = String(address.prefix(64))
    let readable = userAgent?.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }
    self.userAgent = readable.map { String(String($0).prefix(400)) }
  }
}

/// The table `sessions`; knows no other.
struct SessionStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    id, account_id, counter, token_hash, rotated_at, user_agent, address, created_at, idle_expires_at, expires_at,
    revoked_at, client_id, scopes, methods, authenticated_at
    """

  /// Refreshes of one session wait for each other.
  func lock(_ id: UUID) throws { try transaction.lock("auth session \(id.uuidString)") }

  func insert(_ row: SessionRow) throws {
    try transaction.execute(
      """
      INSERT INTO sessions (\(Self.columns))
      VALUES (\(row.id), \(row.accountID), \(row.counter), \(row.tokenHash), \(row.rotatedAt), \(row.userAgent),
        \(row.address), \(row.createdAt), \(row.idleExpiresAt), \(row.expiresAt), \(row.revokedAt), \(row.clientID),
        \(try row.scopes.map { try SQLJSON($0) }), \(UserAuthentication.text(row.methods)), \(row.authenticatedAt))
      """)
  }

  func find(_ id: UUID) throws -> SessionRow? {
    try transaction.first("SELECT \(Self.columns) FROM sessions WHERE id = \(id)")
  }

  func rotate(_ row: SessionRow) throws {
    try transaction.execute(
      """
      UPDATE sessions SET counter = \(row.counter), token_hash = \(row.tokenHash), rotated_at = \(row.rotatedAt),
        address = \(row.address), idle_expires_at = \(row.idleExpiresAt)
      WHERE id = \(row.id)
      """)
  }

  /// Writes how and when its owner authenticated.
  func setAuthentication(_ row: SessionRow) throws {
    try transaction.execute(
      """
      UPDATE sessions SET methods = \(UserAuthentication.text(row.methods)),
        authenticated_at = \(row.authenticatedAt)
      WHERE id = \(row.id)
      """)
  }

  /// Those that are open, newest first.
  func open(of account: UUID, before id: UUID?, limit: Int, now: Date) throws -> [SessionRow] {
    let before: SQL = id.map { "AND id < \($0)" } ?? ""
    return try transaction.all(
      """
      SELECT \(Self.columns) FROM sessions
      WHERE account_id = \(account) AND revoked_at IS NULL AND idle_expires_at > \(now) AND expires_at > \(now) \(before)
      ORDER BY id DESC LIMIT \(limit)
      """)
  }

  func countOpen(of account: UUID, now: Date) throws -> Int {
    try transaction.scalar(
      """
      SELECT count(*) FROM sessions
      WHERE account_id = \(account) AND revoked_at IS NULL AND idle_expires_at > \(now) AND expires_at > \(now)
      """) ?? 0
  }

  /// - Returns: false when it was not open, or is not the account's.
  func revoke(_ id: UUID, of account: UUID, at now: Date) throws -> Bool {
    try transaction.execute(
      "UPDATE sessions SET revoked_at = \(now) WHERE id = \(id) AND account_id = \(account) AND revoked_at IS NULL")
      == 1
  }

  /// - Returns: which ones were open.
  func revokeAll(of account: UUID, besides id: UUID?, at now: Date) throws -> [UUID] {
    let besides: SQL = id.map { "AND id <> \($0)" } ?? ""
    return try transaction.rows(
      """
      UPDATE sessions SET revoked_at = \(now)
      WHERE account_id = \(account) AND revoked_at IS NULL \(besides) RETURNING id
      """
    ).map { try $0.get(0) }
  }

  /// Those of a client that were open.
  /// - Returns: those that were used since `recently`, whose access tokens may live.
  func revokeAll(ofClient client: UUID, at now: Date, usedSince recently: Date) throws -> [UUID] {
    try transaction.rows(
      """
      UPDATE sessions SET revoked_at = \(now) WHERE client_id = \(client) AND revoked_at IS NULL
      RETURNING id, rotated_at
      """
    ).compactMap { row in try row.get("rotated_at", as: Date.self) >= recently ? try row.get("id") : nil }
  }

  /// A session that ended is kept for a while, so that the reuse of one of its tokens is still known as that.
  func deleteEnded(before time: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions WHERE idle_expires_at <= \(time) ORDER BY idle_expires_at LIMIT \(limit))
      """)
  }
}
