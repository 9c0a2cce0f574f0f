public import Foundation
import GravityContracts
public import GravityData

/// Events that a consumer has taken from the broker and could not handle yet.
///
/// They wait in the consumer's own database rather than in queues of the broker: parking one and noting why are one
/// transaction, as are handling one and forgetting it, and it is the same on every broker.
struct ParkedEventStore {
  static let migrationStatements: [SQL] = [
    .table(
      "parked_events",
      """
      consumer \(type: .text) NOT NULL, event_id \(type: .uuid) NOT NULL, state \(type: .text) NOT NULL,
      type \(type: .text) NOT NULL, source \(type: .text) NOT NULL, family \(type: .text) NOT NULL,
      subject \(type: .text), sequence \(type: .bigint) NOT NULL, body \(type: .bytea) NOT NULL,
      attempts \(type: .bigint) NOT NULL, claims \(type: .bigint) NOT NULL, error \(type: .text),
      next_attempt_at \(type: .timestamptz) NOT NULL, parked_at \(type: .timestamptz) NOT NULL, PRIMARY KEY (consumer, event_id)
      """),
    "CREATE INDEX parked_events_due ON parked_events (consumer, next_attempt_at) WHERE state = 'retrying'",
    "CREATE INDEX parked_events_held ON parked_events (consumer, subject, sequence) WHERE state = 'held'",
    "CREATE INDEX parked_events_dead ON parked_events (parked_at) WHERE state = 'dead'",
  ]
  /// The longest error text that is kept, in bytes.
  static let greatestError = 1_000

  private let transaction: any Transaction
  private let consumer: String

  init(_ transaction: any Transaction, consumer: String) {
    self.transaction = transaction
    self.consumer = consumer
  }

  /// Where the pump of a consumer listens.
  static func channel(_ consumer: String) -> String { "parked.\(consumer)" }

  /// Parks an event, or changes what is known of one that is parked.
  func park(
    _ message: EventMessage, _ event: CloudEvent?, _ state: ParkedEvent.State, attempts: Int, error: String?,
    nextAttemptAt: Date
  ) throws {
    let now = try transaction.now
    let error = error.map { String(decoding: $0.utf8.filter { $0 != 0 }.prefix(Self.greatestError), as: UTF8.self) }
    try transaction.execute(
      """
      INSERT INTO parked_events (consumer, event_id, state, type, source, family, subject, sequence, body, attempts,
        claims, error, next_attempt_at, parked_at)
      VALUES (\(consumer), \(message.id), \(state), \(message.type), \(event?.source ?? ""), \(event?.family ?? ""),
        \(event?.subject), \(event?.sequence ?? 0), \(message.body), \(attempts), 0, \(error), \(nextAttemptAt),
        \(now))
      ON CONFLICT (consumer, event_id) DO UPDATE SET state = \(state), attempts = \(attempts), claims = 0,
        error = \(error), next_attempt_at = \(nextAttemptAt)
      """)
    if state == .retrying { try transaction.notify(Self.channel(consumer), "") }
  }

  /// An event that may have ended the process that handled it: it is claimed already, as it were, and so a suspect.
  func parkRedelivered(_ message: EventMessage, _ event: CloudEvent) throws {
    let now = try transaction.now
    try transaction.execute(
      """
      INSERT INTO parked_events (consumer, event_id, state, type, source, family, subject, sequence, body, attempts,
        claims, next_attempt_at, parked_at)
      VALUES (\(consumer), \(message.id), \(ParkedEvent.State.retrying), \(message.type), \(event.source),
        \(event.family), \(event.subject), \(event.sequence), \(message.body), 0, 1, \(now), \(now))
      ON CONFLICT (consumer, event_id) DO NOTHING
      """)
    try transaction.notify(Self.channel(consumer), "")
  }

  /// Those that are due; not due again before `lease` seconds are over.
  func claimDue(limit: Int, lease: TimeInterval) throws -> [ParkedEvent] {
    let now = try transaction.now
    return try transaction.all(
      """
      WITH due AS MATERIALIZED (
        SELECT event_id FROM parked_events
        WHERE consumer = \(consumer) AND state = 'retrying' AND next_attempt_at <= \(now)
        ORDER BY next_attempt_at LIMIT \(limit)\(SQL.only(.postgresql, " FOR UPDATE SKIP LOCKED")))
      UPDATE parked_events SET claims = claims + 1, next_attempt_at = \(now + lease)
      WHERE consumer = \(consumer) AND event_id IN (SELECT event_id FROM due)
      RETURNING \(Self.columns)
      """)
  }

  /// Gives claims back that were not used, because the database went away meanwhile: they prove nothing.
  func releaseClaims(_ ids: [UUID], countedAttempt counted: UUID?) throws {
    let due = try transaction.now + 1
    for part in ids.inParts(of: 64) {
      try transaction.execute(
        """
        UPDATE parked_events SET claims = claims - 1, next_attempt_at = \(due)
        WHERE consumer = \(consumer) AND state = 'retrying' AND claims > 0 AND event_id IN \(list: part)
        """)
    }
    guard let counted else { return }
    try transaction.execute(
      """
      UPDATE parked_events SET attempts = attempts - 1
      WHERE consumer = \(consumer) AND event_id = \(counted) AND attempts > 0
      """)
  }

  /// Counts an attempt before it is made.
  func countAttempt(_ id: UUID) throws {
    try transaction.execute(
      "UPDATE parked_events SET attempts = attempts + 1 WHERE consumer = \(consumer) AND event_id = \(id)")
  }

  /// Seconds until the next is due; nil when none waits.
  func untilNext() throws -> TimeInterval? {
    let next: Date? = try transaction.scalar(
      """
      SELECT next_attempt_at FROM parked_events WHERE consumer = \(consumer) AND state = 'retrying'
      ORDER BY next_attempt_at LIMIT 1
      """)
    return try next.map { max(0, $0.timeIntervalSince(try transaction.now)) }
  }

  @discardableResult
  func delete(_ id: UUID) throws -> Bool {
    try transaction.execute("DELETE FROM parked_events WHERE consumer = \(consumer) AND event_id = \(id)") > 0
  }

  /// The event that waited for this place in its subject's order is due now, and copies of earlier ones, which will
  /// turn out to be handled.
  func promote(source: String, family: String, subject: String, sequence: Int64) throws {
    let now = try transaction.now
    let count = try transaction.execute(
      """
      UPDATE parked_events SET state = 'retrying', next_attempt_at = \(now)
      WHERE consumer = \(consumer) AND subject = \(subject) AND sequence <= \(sequence) AND state = 'held'
        AND source = \(source) AND family = \(family)
      """)
    if count > 0 { try transaction.notify(Self.channel(consumer), "") }
  }

  /// Forgets what was held for a place that has been passed.
  func deleteHeld(source: String, family: String, subject: String, upTo sequence: Int64) throws {
    try transaction.execute(
      """
      DELETE FROM parked_events WHERE consumer = \(consumer) AND subject = \(subject) AND sequence <= \(sequence)
        AND state = 'held' AND source = \(source) AND family = \(family)
      """)
  }

  func counts() throws -> [ParkedEvent.State: Int] {
    var counts: [ParkedEvent.State: Int] = [:]
    for row in try transaction.rows(
      "SELECT state, count(*) AS number FROM parked_events WHERE consumer = \(consumer) GROUP BY state")
    { counts[try row.get("state")] = try row.get("number") as Int }
    return counts
  }

  static let columns: SQL = """
    consumer, event_id, state, type, source, family, subject, sequence, body, attempts, claims, error,
    next_attempt_at, parked_at
    """
}

/// An event that a consumer could not handle yet, or cannot handle.
public struct ParkedEvent: Sendable, Hashable, SQLRecord {
  public enum State: String, Sendable, Codable, CaseIterable, SQLBindable, SQLDecodable {
    /// It is tried again.
    case retrying
    /// An earlier event of its subject is missing or not handled yet.
    case held
    /// A dead letter: every attempt failed, or it is none that can be read. It stays until somebody decides.
    case dead
  }
  public var consumer: String
  public var id: UUID
  public var state: State
  public var type: String
  public var source: String
  public var family: String
  public var subject: String?
  public var sequence: Int64
  public var body: [UInt8]
  public var attempts: Int
  /// How often it was claimed since an attempt last came to an end.
  var claims: Int
  public var error: String?
  public var nextAttemptAt: Date
  public var parkedAt: Date

  public init(_ row: SQLRow) throws {
    consumer = try row.get("consumer")
    id = try row.get("event_id")
    state = try row.get("state")
    type = try row.get("type")
    source = try row.get("source")
    family = try row.get("family")
    subject = try row.get("subject")
    sequence = try row.get("sequence")
    body = try row.get("body")
    attempts = try row.get("attempts")
    claims = try row.get("claims")
    error = try row.get("error")
    nextAttemptAt = try row.get("next_attempt_at")
    parkedAt = try row.get("parked_at")
  }

  /// Whether the last who claimed it did not come to an end with it: it may have ended that process.
  var isSuspect: Bool { claims > 1 }
  var message: EventMessage { EventMessage(id: id, type: type, body: body) }
}
