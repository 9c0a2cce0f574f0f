import Crypto
import Foundation
import GravityContracts
import GravityData

/// A code that was given out, used or not. Only its digest is kept.
struct AuthorizationCodeRow: SQLRecord {
  var hash: [UInt8]
  var clientID: UUID
  var accountID: UUID
  /// The account's, when it was given out.
  var epoch: Int64
  var redirectURI: String
  var scopes: [String]
  var challenge: String
  var nonce: String?
  var methods: [String]
  var authenticatedAt: Date
  /// The session that it opens: so that a second use can end it.
  var sessionID: UUID
  var consumedAt: Date?
  var expiresAt: Date

  init(
    hash: [UInt8], _ request: AuthorizationRequest, for account: AccountRow, _ authentication: UserAuthentication,
    session: UUID, expiresAt: Date
  ) {
    self.hash = hash
    clientID = request.client.id
    accountID = account.id
    epoch = account.epoch
    redirectURI = request.redirect.text
    scopes = request.scopes
    challenge = request.challenge
    nonce = request.nonce
    methods = authentication.methods
    authenticatedAt = authentication.at
    sessionID = session
    self.expiresAt = expiresAt
  }

  init(_ row: SQLRow) throws {
    hash = try row.get("hash")
    clientID = try row.get("client_id")
    accountID = try row.get("account_id")
    epoch = try row.get("epoch")
    redirectURI = try row.get("redirect_uri")
    scopes = try row.get("scopes", as: SQLJSON<[String]>.self).value
    challenge = try row.get("challenge")
    nonce = try row.get("nonce")
    methods = UserAuthentication.methods(try row.get("methods"))
    authenticatedAt = try row.get("authenticated_at")
    sessionID = try row.get("session_id")
    consumedAt = try row.get("consumed_at")
    expiresAt = try row.get("expires_at")
  }
}

/// The table `authorization_codes`; knows no other.
struct AuthorizationCodeStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    hash, client_id, account_id, epoch, redirect_uri, scopes, challenge, nonce, methods, authenticated_at, session_id,
    consumed_at, expires_at
    """

  static func hash(_ code: String) -> [UInt8] { Array(SHA256.hash(data: Data(code.utf8))) }

  func insert(_ row: AuthorizationCodeRow) throws {
    try transaction.execute(
      """
      INSERT INTO authorization_codes (\(Self.columns))
      VALUES (\(row.hash), \(row.clientID), \(row.accountID), \(row.epoch), \(row.redirectURI),
        \(try SQLJSON(row.scopes)), \(row.challenge), \(row.nonce), \(UserAuthentication.text(row.methods)),
        \(row.authenticatedAt), \(row.sessionID), \(row.consumedAt), \(row.expiresAt))
      """)
  }

  func find(_ hash: [UInt8]) throws -> AuthorizationCodeRow? {
    try transaction.first("SELECT \(Self.columns) FROM authorization_codes WHERE hash = \(hash)")
  }

  func consume(_ hash: [UInt8], at time: Date) throws {
    try transaction.execute("UPDATE authorization_codes SET consumed_at = \(time) WHERE hash = \(hash)")
  }

  /// Those of an account that were not used. The others are kept, so that their second use is known as that.
  func deleteOpen(of account: UUID) throws {
    try transaction.execute(
      "DELETE FROM authorization_codes WHERE account_id = \(account) AND consumed_at IS NULL")
  }

  /// The same of a client.
  func deleteOpen(ofClient client: UUID) throws {
    try transaction.execute("DELETE FROM authorization_codes WHERE client_id = \(client) AND consumed_at IS NULL")
  }

  /// A used code is kept for a while, so that its second use is known as that.
  func deleteExpired(before time: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM authorization_codes WHERE hash IN (
        SELECT hash FROM authorization_codes WHERE expires_at <= \(time) ORDER BY expires_at LIMIT \(limit))
      """)
  }
}

/// The table `consents`; knows no other.
struct ConsentStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  func scopes(of client: UUID, by account: UUID) throws -> Set<String> {
    let found: SQLJSON<[String]>? = try transaction.scalar(
      "SELECT scopes FROM consents WHERE account_id = \(account) AND client_id = \(client)")
    return Set(found?.value ?? [])
  }

  func put(_ scopes: Set<String>, of client: UUID, by account: UUID, at time: Date) throws {
    try transaction.execute(
      """
      INSERT INTO consents (account_id, client_id, scopes, granted_at)
      VALUES (\(account), \(client), \(try SQLJSON(scopes.sorted())), \(time))
      ON CONFLICT (account_id, client_id) DO UPDATE SET scopes = excluded.scopes, granted_at = excluded.granted_at
      """)
  }

  func count(of account: UUID) throws -> Int {
    try transaction.scalar("SELECT count(*) FROM consents WHERE account_id = \(account)") ?? 0
  }

  func deleteAll(of account: UUID) throws {
    try transaction.execute("DELETE FROM consents WHERE account_id = \(account)")
  }

  func deleteAll(ofClient client: UUID) throws {
    try transaction.execute("DELETE FROM consents WHERE client_id = \(client)")
  }
}
