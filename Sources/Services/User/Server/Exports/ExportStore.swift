import Foundation
public import GravityData
public import UserAPI

/// A file of an archive that is done, and what is in it.
struct ExportedPart: Codable, Sendable, Hashable {
  /// nil of the page that lists the others.
  var service: String?
  var kinds: [String: Int64]
  var entry: ZIPEntry
}

struct ExportRow: SQLRecord, Sendable {
  var id: UUID
  var user: UUID
  var state: UserExport.State
  /// Those that are asked: what was expected when it began.
  var services: [String]
  /// Files that are done; what was written after the last of them is written anew by the next attempt.
  var parts: [ExportedPart]
  /// Up to the end of the last part.
  var size: Int64
  var chunks: Int64
  var requestedAt: Date
  var readyAt: Date?
  var expiresAt: Date?
  var hasLink: Bool
  /// SHA-256 of the link's token; nil before it is ready and once the link was used.
  var linkHash: [UInt8]?
  var failure: String?

  init(id: UUID, user: UUID, services: [String], hasLink: Bool, at time: Date) {
    self.id = id
    self.user = user
    state = .queued
    self.services = services
    parts = []
    size = 0
    chunks = 0
    requestedAt = time
    self.hasLink = hasLink
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    user = try row.get("user_id")
    state = try row.get("state")
    services = try row.get("services", as: String.self).split(separator: ",").map(String.init)
    parts = try row.get("parts", as: SQLJSON<[ExportedPart]>.self).value
    size = try row.get("size")
    chunks = try row.get("chunks")
    requestedAt = try row.get("requested_at")
    readyAt = try row.get("ready_at")
    expiresAt = try row.get("expires_at")
    hasLink = try row.get("has_link")
    linkHash = try row.get("link_hash")
    failure = try row.get("failure")
  }

  var isOpen: Bool { state == .queued || state == .collecting }

  var export: UserExport {
    let done = Dictionary(parts.compactMap { part in part.service.map { ($0, part.kinds) } }) { first, _ in first }
    return UserExport(
      id: id, state: state, parts: services.map { UserExportPart(service: $0, kinds: done[$0]) },
      requestedAt: requestedAt, readyAt: readyAt, expiresAt: expiresAt, size: state == .ready ? size : nil,
      hasLink: hasLink, failure: failure)
  }
}

extension UserExport.State: SQLBindable, SQLDecodable {}

/// The tables `exports` and `export_chunks`, the sealed pieces of archives; knows no other.
struct ExportStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  static let tables: [SQL] = [
    .table(
      "exports",
      """
      id \(type: .uuid) PRIMARY KEY, user_id \(type: .uuid) NOT NULL, state \(type: .text) NOT NULL,
      services \(type: .text) NOT NULL, parts \(type: .jsonb) NOT NULL, size \(type: .bigint) NOT NULL,
      chunks \(type: .bigint) NOT NULL, requested_at \(type: .timestamptz) NOT NULL, ready_at \(type: .timestamptz),
      expires_at \(type: .timestamptz), has_link \(type: .boolean) NOT NULL, link_hash \(type: .bytea),
      failure \(type: .text)
      """),
    // The database itself refuses a second one at a time.
    "CREATE UNIQUE INDEX exports_open ON exports (user_id) WHERE state IN ('queued', 'collecting')",
    "CREATE UNIQUE INDEX exports_link ON exports (link_hash) WHERE link_hash IS NOT NULL",
    "CREATE INDEX exports_user ON exports (user_id, id)",
    "CREATE INDEX exports_requested_at ON exports (requested_at)",
    "CREATE INDEX exports_expires_at ON exports (expires_at) WHERE state = 'ready'",
    .table(
      "export_chunks",
      """
      export_id \(type: .uuid) NOT NULL, number \(type: .bigint) NOT NULL, bytes \(type: .bytea) NOT NULL,
      PRIMARY KEY (export_id, number)
      """),
  ]

  private static let columns: SQL = """
    id, user_id, state, services, parts, size, chunks, requested_at, ready_at, expires_at, has_link, link_hash, failure
    """

  func find(_ id: UUID) throws -> ExportRow? {
    try transaction.first("SELECT \(Self.columns) FROM exports WHERE id = \(id)")
  }

  func find(link hash: [UInt8]) throws -> ExportRow? {
    try transaction.first("SELECT \(Self.columns) FROM exports WHERE link_hash = \(hash)")
  }

  /// The newest first.
  func list(of user: UUID, before: UUID?, limit: Int) throws -> [ExportRow] {
    let before: SQL = before.map { "AND id < \($0)" } ?? ""
    return try transaction.all(
      "SELECT \(Self.columns) FROM exports WHERE user_id = \(user) \(before) ORDER BY id DESC LIMIT \(limit)")
  }

  func open(of user: UUID) throws -> ExportRow? {
    try transaction.first(
      "SELECT \(Self.columns) FROM exports WHERE user_id = \(user) AND state IN ('queued', 'collecting')")
  }

  func count(of user: UUID, since time: Date) throws -> Int {
    try transaction.scalar("SELECT count(*) FROM exports WHERE user_id = \(user) AND requested_at > \(time)") ?? 0
  }

  /// Archives that can be downloaded, besides that one.
  func ready(of user: UUID, besides id: UUID) throws -> [ExportRow] {
    try transaction.all(
      "SELECT \(Self.columns) FROM exports WHERE user_id = \(user) AND state = 'ready' AND id <> \(id)")
  }

  func insert(_ row: ExportRow) throws {
    try transaction.execute(
      """
      INSERT INTO exports (\(Self.columns))
      VALUES (\(row.id), \(row.user), \(row.state), \(row.services.joined(separator: ",")), \(try SQLJSON(row.parts)),
        \(row.size), \(row.chunks), \(row.requestedAt), \(row.readyAt), \(row.expiresAt), \(row.hasLink),
        \(row.linkHash), \(row.failure))
      """)
  }

  func update(_ row: ExportRow) throws {
    try transaction.execute(
      """
      UPDATE exports SET state = \(row.state), parts = \(try SQLJSON(row.parts)), size = \(row.size),
        chunks = \(row.chunks), ready_at = \(row.readyAt), expires_at = \(row.expiresAt), link_hash = \(row.linkHash),
        failure = \(row.failure)
      WHERE id = \(row.id)
      """)
  }

  func deleteAll(of user: UUID) throws {
    try transaction.execute(
      "DELETE FROM export_chunks WHERE export_id IN (SELECT id FROM exports WHERE user_id = \(user))")
    try transaction.execute("DELETE FROM exports WHERE user_id = \(user)")
  }

  // MARK: What is over

  func expired(at now: Date, limit: Int) throws -> [ExportRow] {
    try transaction.all(
      """
      SELECT \(Self.columns) FROM exports WHERE state = 'ready' AND expires_at <= \(now)
      ORDER BY expires_at LIMIT \(limit)
      """)
  }

  func open(requestedBefore time: Date, limit: Int) throws -> [ExportRow] {
    try transaction.all(
      """
      SELECT \(Self.columns) FROM exports
      WHERE state IN ('queued', 'collecting') AND requested_at <= \(time) ORDER BY requested_at LIMIT \(limit)
      """)
  }

  /// Those whose archive is gone.
  func deleteOld(requestedBefore time: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM exports WHERE id IN (
        SELECT id FROM exports WHERE requested_at <= \(time) AND state IN ('expired', 'failed')
        ORDER BY requested_at LIMIT \(limit))
      """)
  }

  // MARK: Chunks

  func insertChunk(_ bytes: [UInt8], _ number: Int64, of id: UUID) throws {
    try transaction.execute(
      "INSERT INTO export_chunks (export_id, number, bytes) VALUES (\(id), \(number), \(bytes))")
  }

  func chunk(_ number: Int64, of id: UUID) throws -> [UInt8]? {
    try transaction.scalar("SELECT bytes FROM export_chunks WHERE export_id = \(id) AND number = \(number)")
  }

  func deleteChunks(of id: UUID, from number: Int64 = 0) throws {
    try transaction.execute("DELETE FROM export_chunks WHERE export_id = \(id) AND number >= \(number)")
  }
}
