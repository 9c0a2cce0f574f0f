public import Foundation
import GravityContracts
import GravityData

/// Events that wait to be published, and those that were and are kept for a while.
struct OutboxStore {
  static let channel = "outbox"

  static let migrationStatements: [SQL] = [
    .table(
      "outbox",
      """
      id \(type: .uuid) PRIMARY KEY, type \(type: .text) NOT NULL, subject \(type: .text), body \(type: .bytea) NOT NULL,
      claimed_until \(type: .timestamptz), published_at \(type: .timestamptz)
      """),
    // Only what waits: as small as the backlog, however much is kept.
    "CREATE INDEX outbox_waiting ON outbox (id) WHERE published_at IS NULL",
    .table(
      "event_sequences",
      """
      family \(type: .text) NOT NULL, subject \(type: .text) NOT NULL, last \(type: .bigint) NOT NULL,
      PRIMARY KEY (family, subject)
      """),
  ]

  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// Takes an event down under the next number of its subject, which is held until the transaction ends.
  func insert(_ event: CloudEvent, of family: String) throws {
    guard let subject = event.subject else { return try insert(event) }
    let next: SQL = """
      INSERT INTO event_sequences (family, subject, last) VALUES (\(family), \(subject), 1)
      ON CONFLICT (family, subject) DO UPDATE SET last = event_sequences.last + 1 RETURNING last
      """
    if transaction.dialect == .postgresql {
      // Both in one round trip: the number goes into the body there.
      let (head, tail) = event.jsonAroundSequence
      try transaction.execute(
        """
        WITH taken AS (\(next))
        INSERT INTO outbox (id, type, subject, body)
        SELECT \(event.id), \(event.type), \(subject), \(head) || convert_to(CAST(last AS text), 'UTF8') || \(tail)
        FROM taken
        """)
      return
    }
    guard let row = try transaction.rows(next).first else { throw DatabaseError(.other, "no sequence was returned") }
    var event = event
    event.sequence = try row.get("last")
    try insert(event)
  }

  func sequence(family: String, subject: String) throws -> Int64 {
    try transaction.scalar("SELECT last FROM event_sequences WHERE family = \(family) AND subject = \(subject)") ?? 0
  }

  private func insert(_ event: CloudEvent) throws {
    try transaction.execute(
      """
      INSERT INTO outbox (id, type, subject, body)
      VALUES (\(event.id), \(event.type), \(event.subject), \(event.json))
      """)
  }

  /// Events for one relay to publish; another gets them when the claim has run out.
  ///
  /// Materialized, here and in other claims: a planner that puts the selection into a loop would run it again for each
  /// row, and the limit would be none.
  func claim(limit: Int, for lease: TimeInterval) throws -> [EventMessage] {
    let now = try transaction.now
    return try transaction.rows(
      """
      WITH due AS MATERIALIZED (
        SELECT id FROM outbox WHERE published_at IS NULL AND (claimed_until IS NULL OR claimed_until <= \(now))
        ORDER BY id LIMIT \(limit)\(SQL.only(.postgresql, " FOR UPDATE SKIP LOCKED")))
      UPDATE outbox SET claimed_until = \(now + lease) WHERE id IN (SELECT id FROM due)
      RETURNING id, type, body
      """
    ).map { EventMessage(id: try $0.get("id"), type: try $0.get("type"), body: try $0.get("body")) }
  }

  func markPublished(_ ids: [UUID]) throws {
    let now = try transaction.now
    for part in ids.inParts(of: 512) {
      try transaction.execute("UPDATE outbox SET published_at = \(now) WHERE id IN \(list: part)")
    }
  }

  /// Events that were not taken are due again after a moment: at once they would be the oldest again, and nothing
  /// behind them would ever go out.
  func release(_ ids: [UUID], for pause: TimeInterval) throws {
    let until = try transaction.now + pause
    for part in ids.inParts(of: 512) {
      try transaction.execute(
        "UPDATE outbox SET claimed_until = \(until) WHERE published_at IS NULL AND id IN \(list: part)")
    }
  }

  func status() throws -> OutboxStatus {
    let now = try transaction.now
    let oldest: [UInt8]? = try transaction.scalar(
      "SELECT body FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 1")
    return OutboxStatus(
      waiting: try transaction.scalar("SELECT count(*) FROM outbox WHERE published_at IS NULL") ?? 0,
      kept: try transaction.scalar("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL") ?? 0,
      oldestWaiting: try oldest.map { now.timeIntervalSince(try CloudEvent(json: $0).time) })
  }

  /// For the gauges: cheap also when very much waits.
  func backlog() throws -> (waiting: Int, oldest: Double) {
    let greatest = 100_000
    let oldest: [UInt8]? = try transaction.scalar(
      "SELECT body FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 1")
    let waiting: Int? = try transaction.scalar(
      "SELECT count(*) FROM (SELECT 1 AS one FROM outbox WHERE published_at IS NULL LIMIT \(greatest)) AS counted")
    guard let oldest else { return (0, 0) }
    return (waiting ?? 0, try transaction.now.timeIntervalSince(try CloudEvent(json: oldest).time))
  }

  /// Lets what was published be published again, the oldest first.
  /// - Returns: how many events, and the last of them; nil when there are no more.
  func replay(_ selection: OutboxSelection, after: UUID?, limit: Int) throws -> (Int, UUID?) {
    var condition: SQL = "published_at IS NOT NULL"
    if let after { condition = condition + " AND id > \(after)" }
    if let type = selection.type { condition = condition + " AND type = \(type)" }
    if let subject = selection.subject { condition = condition + " AND subject = \(subject)" }
    if let since = selection.since { condition = condition + " AND published_at >= \(since)" }
    if let id = selection.id { condition = condition + " AND id = \(id)" }
    let ids: [UUID] = try transaction.rows("SELECT id FROM outbox WHERE \(condition) ORDER BY id LIMIT \(limit)")
      .map { try $0.get("id") }
    for part in ids.inParts(of: 512) {
      try transaction.execute(
        "UPDATE outbox SET published_at = NULL, claimed_until = NULL WHERE id IN \(list: part)")
    }
    if !ids.isEmpty { try transaction.notify(Self.channel, "") }
    return (ids.count, ids.count == limit ? ids.last : nil)
  }

  /// Deletes what was recorded before a time and has been published. By the age of the id, not of the publication: a
  /// replay makes no event younger, and no consumer's memory has to last longer.
  /// - Returns: how many were deleted.
  func deletePublished(before time: Date, limit: Int) throws -> Int {
    var zero = ZeroGenerator()
    let first = UUID.v7(at: time, using: &zero)
    return try transaction.execute(
      """
      DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox WHERE id < \(first) AND published_at IS NOT NULL ORDER BY id LIMIT \(limit))
      """)
  }
}

/// What waits in a service's outbox.
public struct OutboxStatus: Sendable, Hashable, Codable {
  /// Recorded and not yet published.
  public var waiting: Int
  /// Published and kept for replay.
  public var kept: Int
  /// Seconds since the oldest that waits was recorded.
  public var oldestWaiting: Double?

  enum CodingKeys: String, CodingKey {
    case waiting, kept
    case oldestWaiting = "oldest_waiting_seconds"
  }
}

/// Which kept events to publish again: those that meet every condition that is given.
public struct OutboxSelection: Sendable {
  public var type: String?
  public var subject: String?
  /// By the time of publication.
  public var since: Date?
  public var id: UUID?

  public init(type: String? = nil, subject: String? = nil, since: Date? = nil, id: UUID? = nil) {
    self.type = type
    self.subject = subject
    self.since = since
    self.id = id
  }
}

private struct ZeroGenerator: RandomNumberGenerator {
  mutating func next() -> UInt64 { 0 }
}

extension Array {
  /// Parts of a power of two each, so that statements with lists come in few lengths: a statement cache has to hold
  /// `log2(greatest)` of them.
  func inParts(of greatest: Int) -> [[Element]] {
    var parts: [[Element]] = []
    var (start, size) = (0, greatest)
    while start < count {
      while size > count - start { size /= 2 }
      parts.append(Array(self[start..<start + size]))
      start += size
    }
    return parts
  }
}
