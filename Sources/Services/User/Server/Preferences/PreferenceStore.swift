import GravityContracts
import Foundation
import GravityData
import UserAPI

struct PreferenceRow: SQLRecord {
  var namespace: String
  /// What was set, without defaults.
  var value: JSONObject
  var version: Int64
  var updatedAt: Date

  init(_ row: SQLRow) throws {
    namespace = try row.get("namespace")
    value = try row.get("value", as: SQLJSON<JSONObject>.self).value
    version = try row.get("version")
    updatedAt = try row.get("updated_at")
  }
}

/// The table `preferences`; knows no other.
struct PreferenceStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  func find(_ namespace: String, of user: UUID) throws -> PreferenceRow? {
    try transaction.first(
      """
      SELECT namespace, value, version, updated_at FROM preferences
      WHERE user_id = \(user) AND namespace = \(namespace)
      """)
  }

  func all(of user: UUID) throws -> [PreferenceRow] {
    try transaction.all(
      "SELECT namespace, value, version, updated_at FROM preferences WHERE user_id = \(user) ORDER BY namespace")
  }

  func count(beginning prefix: String, of user: UUID) throws -> Int {
    try transaction.scalar(
      """
      SELECT count(*) FROM preferences
      WHERE user_id = \(user) AND namespace >= \(prefix) AND namespace < \(prefix + "\u{10FFFF}")
      """) ?? 0
  }

  func put(_ namespace: String, _ value: JSONObject, version: Int64, of user: UUID, at time: Date) throws {
    try transaction.execute(
      """
      INSERT INTO preferences (user_id, namespace, value, version, updated_at)
      VALUES (\(user), \(namespace), \(try SQLJSON(value)), \(version), \(time))
      ON CONFLICT (user_id, namespace) DO UPDATE SET value = excluded.value, version = excluded.version,
        updated_at = excluded.updated_at
      """)
  }

  @discardableResult
  func delete(_ namespace: String, of user: UUID) throws -> Bool {
    try transaction.execute("DELETE FROM preferences WHERE user_id = \(user) AND namespace = \(namespace)") == 1
  }

  func deleteAll(of user: UUID) throws { try transaction.execute("DELETE FROM preferences WHERE user_id = \(user)") }
}
