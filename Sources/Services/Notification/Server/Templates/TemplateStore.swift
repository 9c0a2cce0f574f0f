import Foundation
import GravityContracts
import GravityData
import NotificationAPI

struct TemplateRow: SQLRecord, Hashable {
  var name: String
  /// nil before anything was published; 0 is built in.
  var publishedVersion: Int64?
  /// The last that was given; none is given twice.
  var lastVersion: Int64
  var draft: TemplateContent?
  var version: Int64
  var createdAt: Date
  var updatedAt: Date

  init(name: String, publishedVersion: Int64?, at time: Date) {
    self.name = name
    self.publishedVersion = publishedVersion
    lastVersion = 0
    version = 1
    createdAt = time
    updatedAt = time
  }

  init(_ row: SQLRow) throws {
    name = try row.get("name")
    publishedVersion = try row.get("published_version")
    lastVersion = try row.get("last_version")
    draft = try row.get("draft", as: String?.self).map(TemplateStore.content)
    version = try row.get("version")
    createdAt = try row.get("created_at")
    updatedAt = try row.get("updated_at")
  }
}

struct TemplateVersionRow: Sendable {
  var version: Int64
  var content: TemplateContent
  var note: String?
  var createdBy: String
  var createdAt: Date
}

/// The tables `templates` and `template_versions`.
struct TemplateStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = "name, published_version, last_version, draft, version, created_at, updated_at"
  /// A deleted one keeps its row, for the number of its last version.
  private static let living: SQL = "WHERE published_version IS NOT NULL OR draft IS NOT NULL"

  func find(_ name: String) throws -> TemplateRow? {
    try transaction.first("SELECT \(Self.columns) FROM templates WHERE name = \(name)")
  }

  /// Those that are not deleted.
  func list() throws -> [TemplateRow] {
    try transaction.all("SELECT \(Self.columns) FROM templates \(Self.living) ORDER BY name")
  }

  func count() throws -> Int { try transaction.scalar("SELECT count(*) FROM templates \(Self.living)") ?? 0 }

  func save(_ row: TemplateRow) throws {
    let draft = try row.draft.map(Self.text)
    try transaction.execute(
      """
      INSERT INTO templates (name, published_version, last_version, draft, version, created_at, updated_at)
      VALUES (\(row.name), \(row.publishedVersion), \(row.lastVersion), \(draft), \(row.version), \(row.createdAt),
        \(row.updatedAt))
      ON CONFLICT (name) DO UPDATE SET published_version = excluded.published_version,
        last_version = excluded.last_version, draft = excluded.draft, version = excluded.version,
        updated_at = excluded.updated_at
      """)
  }

  func deleteVersions(of name: String) throws {
    try transaction.execute("DELETE FROM template_versions WHERE name = \(name)")
  }

  // MARK: Versions

  func insertVersion(_ row: TemplateVersionRow, of name: String) throws {
    try transaction.execute(
      """
      INSERT INTO template_versions (name, version, content, note, created_by, created_at)
      VALUES (\(name), \(row.version), \(try Self.text(row.content)), \(row.note), \(row.createdBy), \(row.createdAt))
      """)
  }

  func version(_ version: Int64, of name: String) throws -> TemplateVersionRow? {
    try transaction.rows(
      "\(Self.selectVersion) WHERE name = \(name) AND version = \(version)"
    ).first.map(Self.versionRow)
  }

  /// Newest first.
  func versions(of name: String, before: Int64?, limit: Int) throws -> [TemplateVersionRow] {
    try transaction.rows(
      "\(Self.selectVersion) WHERE name = \(name) AND version < \(before ?? .max) ORDER BY version DESC LIMIT \(limit)"
    ).map(Self.versionRow)
  }

  /// What is published of these; those that nobody changed are not among them.
  func published(_ names: [String]) throws -> [String: Int64?] {
    Dictionary(
      uniqueKeysWithValues: try transaction.rows(
        "SELECT name, published_version FROM templates WHERE name IN \(list: names)"
      ).map { (try $0.get("name"), try $0.get("published_version")) })
  }

  private static let selectVersion: SQL =
    "SELECT version, content, note, created_by, created_at FROM template_versions"

  private static func versionRow(_ row: SQLRow) throws -> TemplateVersionRow {
    TemplateVersionRow(
      version: try row.get("version"), content: try content(row.get("content")), note: try row.get("note"),
      createdBy: try row.get("created_by"), createdAt: try row.get("created_at"))
  }

  static func content(_ text: String) throws -> TemplateContent {
    try JSONDecoder().decode(TemplateContent.self, from: Data(text.utf8))
  }

  private static func text(_ content: TemplateContent) throws -> String {
    String(decoding: try JSONEncoder().encode(content), as: UTF8.self)
  }
}
