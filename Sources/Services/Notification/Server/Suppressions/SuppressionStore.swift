import Foundation
import GravityContracts
import GravityData
import NotificationAPI

/// The table `suppressions`. Addresses are compared in small letters: nobody tells two mailboxes apart by them.
struct SuppressionStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// Why an address is not written to that does not exist.
  static let hardBounce = "hard_bounce"

  static func key(_ address: String) -> String { address.lowercased() }

  /// One that is there already stays as it is.
  func insert(_ address: String, _ reason: String, delivery: UUID?, user: UUID?, at now: Date) throws {
    try transaction.execute(
      """
      INSERT INTO suppressions (address, reason, delivery_id, user_id, created_at)
      VALUES (\(Self.key(address)), \(reason), \(delivery), \(user), \(now)) ON CONFLICT (address) DO NOTHING
      """)
  }

  /// - Returns: why, of those of `addresses` to which nothing is to be sent, in small letters.
  func suppressed(_ addresses: Set<String>) throws -> [String: String] {
    guard !addresses.isEmpty else { return [:] }
    let keys = Array(Set(addresses.map(Self.key)))
    return Dictionary(
      try transaction.rows("SELECT address, reason FROM suppressions WHERE address IN \(list: keys)").map {
        (try $0.get(0, as: String.self), try $0.get(1, as: String.self))
      }, uniquingKeysWith: { first, _ in first })
  }

  func find(_ address: String) throws -> Suppression? {
    try transaction.rows(
      "SELECT address, reason, delivery_id, created_at FROM suppressions WHERE address = \(Self.key(address))"
    ).first.map(Self.suppression)
  }

  func list(after: String?, limit: Int) throws -> [Suppression] {
    let filter: SQL = after.map { "WHERE address > \($0)" } ?? ""
    return try transaction.rows(
      "SELECT address, reason, delivery_id, created_at FROM suppressions \(filter) ORDER BY address LIMIT \(limit)"
    ).map(Self.suppression)
  }

  func delete(_ address: String) throws -> Bool {
    try transaction.execute("DELETE FROM suppressions WHERE address = \(Self.key(address))") == 1
  }

  /// For those who are to be forgotten.
  func delete(of user: UUID) throws {
    try transaction.execute("DELETE FROM suppressions WHERE user_id = \(user)")
  }

  private static func suppression(_ row: SQLRow) throws -> Suppression {
    Suppression(
      address: try row.get("address"), reason: try row.get("reason"), deliveryID: try row.get("delivery_id"),
      createdAt: try row.get("created_at"))
  }
}
