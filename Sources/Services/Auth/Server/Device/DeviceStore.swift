import Crypto
import Foundation
import GravityContracts
import GravityData

/// A device that asked to be let in. Of its codes only digests are kept.
struct DeviceRow: SQLRecord {
  enum State: String, Sendable { case pending, approved, denied, consumed }

  /// Who let it in.
  struct Approval: Sendable {
    var accountID: UUID
    /// The account's, when it was let in.
    var epoch: Int64
    var authentication: UserAuthentication
  }

  var hash: [UInt8]
  var userCode: [UInt8]
  var clientID: UUID
  var scopes: [String]
  var state: State
  /// Seconds that the device is to wait between two questions.
  var pause: Int
  /// Whether whoever lets it in has to have shown two factors.
  var needsSecondFactor = false
  /// Seconds since their sign-in.
  var maximumAge: Int?
  var polledAt: Date?
  var approval: Approval?
  var expiresAt: Date

  init(hash: [UInt8], userCode: [UInt8], clientID: UUID, scopes: [String], pause: Int, expiresAt: Date) {
    self.hash = hash
    self.userCode = userCode
    self.clientID = clientID
    self.scopes = scopes
    state = .pending
    self.pause = pause
    self.expiresAt = expiresAt
  }

  init(_ row: SQLRow) throws {
    hash = try row.get("hash")
    userCode = try row.get("user_code")
    clientID = try row.get("client_id")
    scopes = try row.get("scopes", as: SQLJSON<[String]>.self).value
    let text: String = try row.get("state")
    guard let state = State(rawValue: text) else { throw SQLMismatch(.text(text), wanted: "state") }
    self.state = state
    pause = try row.get("pause")
    needsSecondFactor = try row.get("second_factor")
    maximumAge = try row.get("max_age")
    polledAt = try row.get("polled_at")
    if let account: UUID = try row.get("account_id") {
      approval = Approval(
        accountID: account, epoch: try row.get("epoch"),
        authentication: UserAuthentication(
          methods: UserAuthentication.methods(try row.get("methods")), at: try row.get("authenticated_at")))
    }
    expiresAt = try row.get("expires_at")
  }
}

/// The table `device_authorizations`; knows no other.
struct DeviceStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    hash, user_code, client_id, scopes, state, pause, second_factor, max_age, polled_at, account_id, epoch, methods,
    authenticated_at, expires_at
    """

  static func hash(_ deviceCode: String) -> [UInt8] { Array(SHA256.hash(data: Data(deviceCode.utf8))) }

  /// - Returns: false when the person's code is taken.
  func insert(_ row: DeviceRow) throws -> Bool {
    try transaction.execute(
      """
      INSERT INTO device_authorizations (hash, user_code, client_id, scopes, state, pause, second_factor, max_age, expires_at)
      VALUES (\(row.hash), \(row.userCode), \(row.clientID), \(try SQLJSON(row.scopes)), \(row.state.rawValue),
        \(row.pause), \(row.needsSecondFactor), \(row.maximumAge), \(row.expiresAt))
      ON CONFLICT (user_code) DO NOTHING
      """) == 1
  }

  /// Questions about one device, and what is decided about it, wait for each other.
  func lock(_ hash: [UInt8]) throws { try transaction.lock("auth device \(Data(hash).base64URLEncodedString())") }

  func find(_ hash: [UInt8]) throws -> DeviceRow? {
    try transaction.first("SELECT \(Self.columns) FROM device_authorizations WHERE hash = \(hash)")
  }

  func find(userCode: [UInt8]) throws -> DeviceRow? {
    try transaction.first("SELECT \(Self.columns) FROM device_authorizations WHERE user_code = \(userCode)")
  }

  /// Of those that live, `limit` at most.
  func count(of client: UUID, now: Date, limit: Int) throws -> Int {
    try transaction.scalar(
      """
      SELECT count(*) FROM (
        SELECT 1 FROM device_authorizations WHERE client_id = \(client) AND expires_at > \(now) LIMIT \(limit)) AS live
      """) ?? 0
  }

  func polled(_ hash: [UInt8], at time: Date, pause: Int) throws {
    try transaction.execute(
      "UPDATE device_authorizations SET polled_at = \(time), pause = \(pause) WHERE hash = \(hash)")
  }

  /// - Returns: false when it was decided before.
  func approve(_ hash: [UInt8], by approval: DeviceRow.Approval) throws -> Bool {
    try transaction.execute(
      """
      UPDATE device_authorizations SET state = 'approved', account_id = \(approval.accountID),
        epoch = \(approval.epoch), methods = \(UserAuthentication.text(approval.authentication.methods)),
        authenticated_at = \(approval.authentication.at)
      WHERE hash = \(hash) AND state = 'pending'
      """) == 1
  }

  func deny(_ hash: [UInt8]) throws -> Bool {
    try transaction.execute(
      "UPDATE device_authorizations SET state = 'denied' WHERE hash = \(hash) AND state = 'pending'") == 1
  }

  /// - Returns: whether this is who gets the tokens: one does.
  func consume(_ hash: [UInt8]) throws -> Bool {
    try transaction.execute(
      "UPDATE device_authorizations SET state = 'consumed' WHERE hash = \(hash) AND state = 'approved'") == 1
  }

  /// Those that somebody let in and that have no tokens yet.
  func deleteApproved(by account: UUID) throws {
    try transaction.execute(
      "DELETE FROM device_authorizations WHERE account_id = \(account) AND state = 'approved'")
  }

  func deleteAll(ofClient client: UUID) throws {
    try transaction.execute("DELETE FROM device_authorizations WHERE client_id = \(client)")
  }

  /// One that expired is kept for a while, so that its device is told that.
  func deleteExpired(before time: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM device_authorizations WHERE hash IN (
        SELECT hash FROM device_authorizations WHERE expires_at <= \(time) ORDER BY expires_at LIMIT \(limit))
      """)
  }
}
