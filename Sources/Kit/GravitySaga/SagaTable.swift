import Foundation
import GravityContracts
import GravityData

/// The statements that runners run. Where they touch nothing but one saga's rows, whose version is checked, their
/// transactions are relaxed: serializable order would only make neighbours in an index fail each other.
enum SagaTable {
  /// Writes what became of a saga, if it is still what the writer has seen.
  ///
  /// - Parameters:
  ///   - old: as its owner, or its next owner, has seen it.
  ///   - row: its version is that of `old`; the row gets the next.
  /// - Returns: the row with its new version; nil when somebody else changed it.
  static func write(
    _ row: SagaRow, after old: SagaRow, _ entry: TimelineEntry?, at now: Date, in transaction: any Transaction
  ) throws -> SagaRow? {
    var row = row
    row.version = old.version + 1
    row.updatedAt = now
    // An attempt that goes on failing for ever is not to fill the database: its last entry is written anew.
    let isAdded = entry != nil && (old.entries < Self.greatestTimeline || old.state != row.state)
    if isAdded { row.entries += 1 }
    let expiry = row.endedAt.map { $0.addingTimeInterval(SagaStore.retention.inSeconds) }
    let wasOwned: SQL = old.owner.map { "owner = \($0)" } ?? "owner IS NULL"
    let wasCanceled: SQL = old.cancellation == nil ? "cancel_code IS NULL" : "cancel_code IS NOT NULL"
    let update: SQL = """
      UPDATE gravity_sagas SET state = \(row.state.rawValue), kind = \(row.kind.rawValue), step = \(row.step),
        done = \(row.done.joined(separator: ",")), data = \(row.data), owner = \(row.owner), version = \(row.version),
        attempt = \(row.attempt), began_at = \(row.beganAt), failures = \(row.failures),
        patient_since = \(row.patientSince), in_doubt = \(row.isInDoubt), past_pivot = \(row.isPastPivot),
        awaiting = \(row.awaiting), wait_until = \(row.waitUntil), run_at = \(row.runAt),
        reason_code = \(row.refusal?.code), reason_detail = \(row.refusal?.detail), error = \(row.error),
        entries = \(row.entries), updated_at = \(now), ended_at = \(row.endedAt), expires_at = \(expiry)
      WHERE id = \(row.id) AND version = \(old.version) AND \(wasOwned) AND \(wasCanceled)
      """
    if let entry, isAdded, transaction.dialect == .postgresql {
      // Both in one round trip.
      let added = try transaction.execute(
        """
        WITH changed AS (\(update) RETURNING id, entries)
        INSERT INTO gravity_saga_steps (saga, number, step, kind, attempt, started_at, ended_at, outcome, error)
        SELECT id, entries, \(entry.step), \(entry.kind.rawValue), CAST(\(entry.attempt) AS bigint),
          CAST(\(entry.startedAt) AS timestamptz), CAST(\(entry.endedAt) AS timestamptz), \(entry.outcome.rawValue),
          \(entry.error?.bounded(to: 500))
        FROM changed
        """)
      return added == 1 ? row : nil
    }
    guard try transaction.execute(update) == 1 else { return nil }
    if let entry { try add(entry, to: row, isNew: isAdded, in: transaction) }
    return row
  }

  /// Of one saga, in entries.
  static let greatestTimeline = 500

  private static func add(
    _ entry: TimelineEntry, to row: SagaRow, isNew: Bool, in transaction: any Transaction
  ) throws {
    let error = entry.error?.bounded(to: 500)
    guard isNew else {
      try transaction.execute(
        """
        UPDATE gravity_saga_steps SET step = \(entry.step), kind = \(entry.kind.rawValue), attempt = \(entry.attempt),
          started_at = \(entry.startedAt), ended_at = \(entry.endedAt), outcome = \(entry.outcome.rawValue),
          error = \(error)
        WHERE saga = \(row.id) AND number = \(row.entries)
        """)
      return
    }
    try transaction.execute(
      """
      INSERT INTO gravity_saga_steps (saga, number, step, kind, attempt, started_at, ended_at, outcome, error)
      VALUES (
        \(row.id), \(row.entries), \(entry.step), \(entry.kind.rawValue), \(entry.attempt), \(entry.startedAt),
        \(entry.endedAt), \(entry.outcome.rawValue), \(error))
      """)
  }

  static func row(_ id: UUID, in transaction: any Transaction) throws -> SagaRow? {
    try transaction.first("SELECT \(SagaRow.columns) FROM gravity_sagas WHERE id = \(id)")
  }

  /// Holds the rows of those sagas that nobody else holds, without waiting.
  static func takeFree(_ ids: [UUID], in transaction: any Transaction) throws -> Set<UUID> {
    let rows = try transaction.rows(
      "SELECT id FROM gravity_sagas WHERE id IN \(list: ids) ORDER BY id"
        + .only(.postgresql, " FOR UPDATE SKIP LOCKED"))
    return Set(try rows.map { try $0.get("id") })
  }

  // MARK: - Signals

  /// What the saga has been told of that event and not yet been given.
  static func signal(
    _ event: String, of id: UUID, notNumber given: Int?, in transaction: any Transaction
  ) throws -> ReceivedSignal? {
    try transaction.first(
      """
      SELECT number, event, payload, received_at FROM gravity_saga_signals
      WHERE saga = \(id) AND event = \(event) AND NOT is_consumed AND number <> \(given ?? 0)
      ORDER BY number LIMIT 1
      """)
  }

  static func consume(_ number: Int, of id: UUID, in transaction: any Transaction) throws {
    try transaction.execute(
      "UPDATE gravity_saga_signals SET is_consumed = \(true) WHERE saga = \(id) AND number = \(number)")
  }
}

/// A signal as its row holds it.
struct ReceivedSignal: SQLRecord {
  let number: Int
  let signal: SagaSignal

  init(_ row: SQLRow) throws {
    number = try row.get("number")
    let payload: String = try row.get("payload")
    signal = SagaSignal(
      event: try row.get("event"), payload: try SagaData.decode(payload), receivedAt: try row.get("received_at"))
  }
}
