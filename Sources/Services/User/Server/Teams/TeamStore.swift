import Foundation
import GravityContracts
import GravityData
import UserAPI

struct TeamRow: SQLRecord, Hashable {
  var id: UUID
  var name: String
  var version: Int64
  var createdAt: Date
  var updatedAt: Date

  static func lockName(_ id: UUID) -> String { "team \(id.lowercased)" }

  init(id: UUID, name: String, at time: Date) {
    self.id = id
    self.name = name
    version = 1
    createdAt = time
    updatedAt = time
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    name = try row.get("name")
    version = try row.get("version")
    createdAt = try row.get("created_at")
    updatedAt = try row.get("updated_at")
  }

  func team(role: TeamRole, members: Int64) -> Team {
    Team(
      id: id, name: name, role: role, memberCount: members, version: version, createdAt: createdAt,
      updatedAt: updatedAt)
  }
}

/// The table `teams`; knows no other.
struct TeamStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  static let tables: [SQL] = [
    .table(
      "teams",
      """
      id \(type: .uuid) PRIMARY KEY, name \(type: .text) NOT NULL, version \(type: .bigint) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, updated_at \(type: .timestamptz) NOT NULL
      """)
  ]

  private static let columns: SQL = "id, name, version, created_at, updated_at"

  func find(_ id: UUID) throws -> TeamRow? {
    try transaction.first("SELECT \(Self.columns) FROM teams WHERE id = \(id)")
  }

  func find(_ ids: [UUID]) throws -> [UUID: TeamRow] {
    let rows: [TeamRow] = try transaction.all("SELECT \(Self.columns) FROM teams WHERE id IN \(list: ids)")
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.id, $0) })
  }

  func insert(_ row: TeamRow) throws {
    try transaction.execute(
      """
      INSERT INTO teams (\(Self.columns))
      VALUES (\(row.id), \(row.name), \(row.version), \(row.createdAt), \(row.updatedAt))
      """)
  }

  /// Writes what may change; the version is the caller's to count.
  func update(_ row: TeamRow) throws {
    try transaction.execute(
      """
      UPDATE teams SET name = \(row.name), version = \(row.version), updated_at = \(row.updatedAt)
      WHERE id = \(row.id)
      """)
  }

  func delete(_ id: UUID) throws { try transaction.execute("DELETE FROM teams WHERE id = \(id)") }
}
