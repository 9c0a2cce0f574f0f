import AuthAPI
import Foundation
import GravityContracts
import GravityData

struct RoleRow: SQLRecord {
  var role: Role

  init(_ row: SQLRow) throws {
    role = Role(
      name: try row.get("name"), description: try row.get("description"),
      permissions: try row.get("permissions", as: SQLJSON<[Permission]>.self).value, builtIn: try row.get("built_in"),
      version: try row.get("version"), createdAt: try row.get("created_at"), updatedAt: try row.get("updated_at"))
  }
}

/// The tables `roles` and `role_policy`; knows no other.
struct RoleStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = "name, description, permissions, built_in, version, created_at, updated_at"

  func all() throws -> [Role] {
    try transaction.all("SELECT \(Self.columns) FROM roles ORDER BY name", as: RoleRow.self).map(\.role)
  }

  func find(_ name: String) throws -> Role? {
    try transaction.first("SELECT \(Self.columns) FROM roles WHERE name = \(name)", as: RoleRow.self)?.role
  }

  func find(_ names: [String]) throws -> [Role] {
    try transaction.all(
      "SELECT \(Self.columns) FROM roles WHERE name IN \(list: names) ORDER BY name", as: RoleRow.self
    ).map(\.role)
  }

  func count() throws -> Int { try transaction.scalar("SELECT count(*) FROM roles") ?? 0 }

  /// - Returns: false when there is one of that name.
  func insert(_ role: Role) throws -> Bool {
    try transaction.execute(
      """
      INSERT INTO roles (\(Self.columns))
      VALUES (\(role.name), \(role.description), \(try SQLJSON(role.permissions)), \(role.builtIn), \(role.version),
        \(role.createdAt), \(role.updatedAt))
      ON CONFLICT (name) DO NOTHING
      """) == 1
  }

  func update(_ role: Role) throws {
    try transaction.execute(
      """
      UPDATE roles SET description = \(role.description), permissions = \(try SQLJSON(role.permissions)),
        version = \(role.version), updated_at = \(role.updatedAt)
      WHERE name = \(role.name)
      """)
  }

  func delete(_ name: String) throws { try transaction.execute("DELETE FROM roles WHERE name = \(name)") }

  /// Counts up with every change of any role.
  func policyVersion() throws -> Int64 {
    try transaction.scalar("SELECT version FROM role_policy WHERE id = 1") ?? 0
  }

  func advancePolicyVersion() throws {
    try transaction.execute("UPDATE role_policy SET version = version + 1 WHERE id = 1")
  }
}
