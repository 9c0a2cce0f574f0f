import Foundation
import GravityContracts
import GravityData
import UserAPI

/// The tables `consent_documents` and `consent_records`; knows no other. Nothing in them is ever changed or deleted, and
/// the database itself refuses it.
struct ConsentStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  static let tables: [SQL] =
    [
      .table(
        "consent_documents",
        """
        purpose \(type: .text) NOT NULL, version \(type: .bigint) NOT NULL CHECK (version > 0),
        title \(type: .text) NOT NULL, content \(type: .text) NOT NULL, digest \(type: .text) NOT NULL,
        published_at \(type: .timestamptz) NOT NULL, published_by \(type: .text) NOT NULL,
        PRIMARY KEY (purpose, version)
        """),
      .table(
        "consent_records",
        """
        id \(type: .uuid) PRIMARY KEY, subject \(type: .text) NOT NULL, number \(type: .bigint) NOT NULL,
        purpose \(type: .text) NOT NULL, version \(type: .bigint) NOT NULL,
        decision \(type: .text) NOT NULL CHECK (decision IN ('given', 'withdrawn')), source \(type: .text) NOT NULL,
        at \(type: .timestamptz) NOT NULL
        """),
      "CREATE UNIQUE INDEX consent_records_subject ON consent_records (subject, number)",
      "CREATE INDEX consent_records_purpose ON consent_records (subject, purpose, number)",
    ] + refusals

  /// SQLite has one trigger for each way; PostgreSQL one for all, and a function.
  private static let refusals: [SQL] = [
    .only(.sqlite, refusal("consent_records", "UPDATE"))
      + .only(
        .postgresql,
        """
        CREATE FUNCTION consents_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'consents are never changed' USING ERRCODE = 'check_violation'; END $$
        """),
    .only(.sqlite, refusal("consent_records", "DELETE"))
      + .only(
        .postgresql,
        """
        CREATE TRIGGER consent_records_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_records
        FOR EACH STATEMENT EXECUTE FUNCTION consents_refuse_change()
        """),
    .only(.sqlite, refusal("consent_documents", "UPDATE"))
      + .only(
        .postgresql,
        """
        CREATE TRIGGER consent_documents_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_documents
        FOR EACH STATEMENT EXECUTE FUNCTION consents_refuse_change()
        """),
    // A statement that does nothing keeps the numbers of both alike.
    .only(.sqlite, refusal("consent_documents", "DELETE")) + .only(.postgresql, "SELECT 1"),
  ]

  private static func refusal(_ table: String, _ way: String) -> String {
    """
    CREATE TRIGGER \(table)_no_\(way.lowercased()) BEFORE \(way) ON \(table)
    BEGIN SELECT RAISE(ABORT, 'consents are never changed'); END
    """
  }

  // MARK: Documents

  private static let documents: SQL = "purpose, version, title, content, digest, published_at, published_by"

  func current(_ purpose: String) throws -> ConsentDocument? {
    try transaction.rows(
      "SELECT \(Self.documents) FROM consent_documents WHERE purpose = \(purpose) ORDER BY version DESC LIMIT 1"
    ).first.map(Self.document)
  }

  func countPurposes() throws -> Int {
    try transaction.scalar("SELECT count(DISTINCT purpose) FROM consent_documents") ?? 0
  }

  func insert(_ document: ConsentDocument) throws {
    try transaction.execute(
      """
      INSERT INTO consent_documents (\(Self.documents))
      VALUES (\(document.purpose), \(document.version), \(document.title), \(document.text), \(document.digest),
        \(document.publishedAt), \(document.publishedBy))
      """)
  }

  /// The latest of each purpose, by purpose.
  func currentDocuments(after purpose: String?, limit: Int) throws -> [ConsentDocument] {
    let after: SQL = purpose.map { "AND purpose > \($0)" } ?? ""
    return try transaction.rows(
      """
      SELECT \(Self.documents) FROM consent_documents
      WHERE version = (
        SELECT max(version) FROM consent_documents AS later WHERE later.purpose = consent_documents.purpose) \(after)
      ORDER BY purpose LIMIT \(limit)
      """
    ).map(Self.document)
  }

  /// The newest first.
  func documents(of purpose: String, before version: Int64?, limit: Int) throws -> [ConsentDocument] {
    let before: SQL = version.map { "AND version < \($0)" } ?? ""
    return try transaction.rows(
      """
      SELECT \(Self.documents) FROM consent_documents WHERE purpose = \(purpose) \(before)
      ORDER BY version DESC LIMIT \(limit)
      """
    ).map(Self.document)
  }

  private static func document(_ row: SQLRow) throws -> ConsentDocument {
    ConsentDocument(
      purpose: try row.get("purpose"), version: try row.get("version"), title: try row.get("title"),
      text: try row.get("content"), digest: try row.get("digest"), publishedAt: try row.get("published_at"),
      publishedBy: try row.get("published_by"))
  }

  // MARK: Records

  private static let records: SQL = "id, number, purpose, version, decision, source, at"

  func count(of subject: String) throws -> Int64 {
    try transaction.scalar("SELECT coalesce(max(number), 0) FROM consent_records WHERE subject = \(subject)") ?? 0
  }

  func insert(_ record: ConsentRecord, number: Int64, of subject: String) throws {
    try transaction.execute(
      """
      INSERT INTO consent_records (id, subject, number, purpose, version, decision, source, at)
      VALUES (\(record.id), \(subject), \(number), \(record.purpose), \(record.version), \(record.decision.rawValue),
        \(record.source), \(record.at))
      """)
  }

  func latest(_ purpose: String, of subject: String) throws -> ConsentRecord? {
    try transaction.rows(
      """
      SELECT \(Self.records) FROM consent_records WHERE subject = \(subject) AND purpose = \(purpose)
      ORDER BY number DESC LIMIT 1
      """
    ).first.map(Self.record)
  }

  /// The latest of each purpose, with the latest version there is.
  func states(of subject: String) throws -> [ConsentState] {
    try transaction.rows(
      """
      SELECT \(Self.records), (
          SELECT max(version) FROM consent_documents WHERE consent_documents.purpose = consent_records.purpose
        ) AS current_version
      FROM consent_records
      WHERE subject = \(subject) AND number = (
        SELECT max(number) FROM consent_records AS later
        WHERE later.subject = consent_records.subject AND later.purpose = consent_records.purpose)
      ORDER BY purpose
      """
    ).map { ConsentState(record: try Self.record($0), currentVersion: try $0.get("current_version")) }
  }

  /// The newest first, each with its number.
  func list(of subject: String, before number: Int64?, limit: Int) throws -> [(number: Int64, record: ConsentRecord)] {
    let before: SQL = number.map { "AND number < \($0)" } ?? ""
    return try transaction.rows(
      """
      SELECT \(Self.records) FROM consent_records WHERE subject = \(subject) \(before)
      ORDER BY number DESC LIMIT \(limit)
      """
    ).map { (try $0.get("number"), try Self.record($0)) }
  }

  /// In the order of their ids.
  func list(of subject: String, after: UUID?, limit: Int) throws -> [ConsentRecord] {
    let after: SQL = after.map { "AND id > \($0)" } ?? ""
    return try transaction.rows(
      "SELECT \(Self.records) FROM consent_records WHERE subject = \(subject) \(after) ORDER BY id LIMIT \(limit)"
    ).map(Self.record)
  }

  private static func record(_ row: SQLRow) throws -> ConsentRecord {
    ConsentRecord(
      id: try row.get("id"), purpose: try row.get("purpose"), version: try row.get("version"),
      decision: Open(try row.get("decision")), source: try row.get("source"), at: try row.get("at"))
  }
}
