import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// Somebody on their way to a provider and back.
struct ProviderVisit: SQLRecord {
  /// What a client asked for, of a sign-in.
  var request: String?
  /// Whose account, of a link.
  var account: UUID?
  /// The account's, when its owner asked for the link.
  var epoch: Int64?
  /// When they went there; nil before it is kept.
  private(set) var beganAt: Date?

  init(request: String) { self.request = request }

  init(link account: UUID, epoch: Int64) {
    self.account = account
    self.epoch = epoch
  }

  init(_ row: SQLRow) throws {
    request = try row.get("request")
    account = try row.get("account_id")
    epoch = try row.get("epoch")
    beganAt = try row.get("expires_at", as: Date.self) - ProviderVisitStore.lifetime
  }
}

/// The table `provider_visits`; knows no other. A key is an HMAC under the master key of a secret that comes back, and
/// of whom it has to come from.
struct ProviderVisitStore {
  /// Seconds that somebody may take at a provider.
  static let lifetime: TimeInterval = 600
  /// That live; what is beyond is answered 503.
  static let greatestCount = 50_000

  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// Of a visit: good for that provider and that browser.
  static func key(state: String, provider: String, browser: String, _ masterKey: MasterKey) -> [UInt8] {
    masterKey.authenticationCode("provider-visit/1", Data("\(provider)\n\(browser)\n\(state)".utf8))
  }

  /// Of a link that has not begun.
  static func key(ticket: String, provider: String, _ masterKey: MasterKey) -> [UInt8] {
    masterKey.authenticationCode("identity-link/1", Data("\(provider)\n\(ticket)".utf8))
  }

  func insert(_ key: [UInt8], _ visit: ProviderVisit, now: Date) throws {
    try transaction.execute(
      """
      INSERT INTO provider_visits (hash, request, account_id, epoch, expires_at)
      VALUES (\(key), \(visit.request), \(visit.account), \(visit.epoch),
        \((now + Self.lifetime).roundedToMicroseconds))
      """)
  }

  func find(_ key: [UInt8], now: Date) throws -> ProviderVisit? {
    try transaction.first(
      "SELECT request, account_id, epoch, expires_at FROM provider_visits WHERE hash = \(key) AND expires_at > \(now)")
  }

  /// Ends it: of two who come back, one is let on.
  func take(_ key: [UInt8], now: Date) throws -> ProviderVisit? {
    try transaction.first(
      """
      DELETE FROM provider_visits WHERE hash = \(key) AND expires_at > \(now)
      RETURNING request, account_id, epoch, expires_at
      """)
  }

  /// Of those that live, ``greatestCount`` at most.
  func count(now: Date) throws -> Int {
    try transaction.scalar(
      """
      SELECT count(*) FROM (
        SELECT 1 FROM provider_visits WHERE expires_at > \(now) LIMIT \(Self.greatestCount)) AS live
      """) ?? 0
  }

  func deleteAll(of account: UUID) throws {
    try transaction.execute("DELETE FROM provider_visits WHERE account_id = \(account)")
  }

  func deleteExpired(now: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM provider_visits WHERE hash IN (
        SELECT hash FROM provider_visits WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
      """)
  }
}
