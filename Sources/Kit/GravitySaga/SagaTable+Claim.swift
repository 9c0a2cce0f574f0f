import Foundation
import GravityContracts
import GravityData

/// A saga that is to be run here, with the signal that its step was waiting for.
struct ClaimedSaga: Sendable {
  var row: SagaRow
  var signal: ReceivedSignal?
}

extension SagaTable {
  struct Claim: Sendable {
    /// Those that an attempt is to be made of.
    var sagas: [ClaimedSaga] = []
    /// How many rows were taken, also those that were only parked or put back.
    var count = 0
    /// How long until the next is due; nil when none is known.
    var next: Duration?
  }

  /// Takes due sagas, of each kind those that are due the longest first.
  static func claim(
    _ kinds: [AnySaga], limit: Int, owner: String, chance: Double, clock: SagaClock, in transaction: any Transaction
  ) throws -> Claim {
    try transaction.relax()
    let now = try clock.now(transaction)
    var claim = Claim()
    for kind in kinds where claim.count < limit {
      // Read under a lock and then written by id: rows that others have just taken are skipped, and nothing is chosen
      // anew at the time of the change.
      let due: [SagaRow] = try transaction.all(
        """
        SELECT \(SagaRow.columns) FROM gravity_sagas
        WHERE owner IS NULL AND run_at IS NOT NULL AND name = \(kind.name) AND run_at <= \(now)
        ORDER BY run_at LIMIT \(limit - claim.count)\(SQL.only(.postgresql, " FOR UPDATE SKIP LOCKED"))
        """)
      claim.count += due.count
      let decision = SagaDecision(saga: kind, now: now, chance: chance, goesOn: true)
      for row in due {
        if let saga = try take(row, owner: owner, decision, in: transaction) { claim.sagas.append(saga) }
      }
    }
    // When the limit was reached, whoever called looks again anyway.
    if claim.count < limit {
      for kind in kinds {
        let head: Date? = try transaction.rows(
          """
          SELECT min(run_at) AS head FROM gravity_sagas
          WHERE owner IS NULL AND run_at IS NOT NULL AND name = \(kind.name)
          """
        ).first?.get("head")
        guard let head else { continue }
        let wait = Duration.seconds(max(0, head.timeIntervalSince(now)))
        claim.next = min(claim.next ?? wait, wait)
      }
    }
    return claim
  }

  /// - Returns: nil when nothing is to be done now, or somebody else was quicker.
  static func take(
    _ row: SagaRow, owner: String, _ decision: SagaDecision, in transaction: any Transaction
  ) throws -> ClaimedSaga? {
    var signal: ReceivedSignal?
    if let event = row.awaiting {
      signal = try self.signal(event, of: row.id, notNumber: nil, in: transaction)
    }
    var taken = row
    let entry = taken.resume(as: owner, hasSignal: signal != nil, decision)
    guard let written = try write(taken, after: row, entry, at: decision.now, in: transaction) else { return nil }
    return written.owner == owner ? ClaimedSaga(row: written, signal: signal) : nil
  }

  /// What this owner has and does not know of.
  static func owned(by owner: String, in transaction: any Transaction) throws -> [UUID] {
    try transaction.rows("SELECT id FROM gravity_sagas WHERE owner = \(owner)").map { try $0.get("id") }
  }

  // MARK: - Leases

  /// - Returns: false when the lease ran out, or was taken away.
  static func renew(
    _ owner: String, for lease: Duration, clock: SagaClock, in transaction: any Transaction
  ) throws -> Bool {
    try transaction.relax()
    let now = try clock.now(transaction)
    return try transaction.execute(
      """
      UPDATE gravity_saga_owners SET lease_until = \(now.addingTimeInterval(lease.inSeconds))
      WHERE id = \(owner) AND lease_until > \(now)
      """) == 1
  }

  static func register(
    _ owner: String, for lease: Duration, clock: SagaClock, in transaction: any Transaction
  ) throws {
    let end = try clock.now(transaction).addingTimeInterval(lease.inSeconds)
    try transaction.execute("INSERT INTO gravity_saga_owners (id, lease_until) VALUES (\(owner), \(end))")
  }

  /// Frees what belongs to owners whose lease has run out, or who are not known: their process may have stood still
  /// while another freed its sagas, and then have started one more.
  ///
  /// - Returns: how many.
  static func free(limit: Int, clock: SagaClock, in transaction: any Transaction) throws -> Int {
    try transaction.relax()
    let now = try clock.now(transaction)
    let dead: [String] = try transaction.rows(
      """
      SELECT DISTINCT owner FROM gravity_sagas
      WHERE owner IS NOT NULL AND owner NOT IN (SELECT id FROM gravity_saga_owners WHERE lease_until > \(now))
      """
    ).map { try $0.get("owner") }
    try transaction.execute("DELETE FROM gravity_saga_owners WHERE lease_until <= \(now)")
    if dead.isEmpty { return 0 }
    let rows = try transaction.rows(
      """
      SELECT id FROM gravity_sagas WHERE owner IN \(list: dead) LIMIT \(limit)
      \(SQL.only(.postgresql, " FOR UPDATE SKIP LOCKED"))
      """)
    let ids: [UUID] = try rows.map { try $0.get("id") }
    if ids.isEmpty { return 0 }
    return try transaction.execute(
      """
      UPDATE gravity_sagas SET owner = NULL, run_at = \(now) WHERE id IN \(list: ids) AND owner IN \(list: dead)
      """)
  }

  /// Gives back whatever an owner has, and its lease.
  ///
  /// - Parameter fresh: what was started here and never begun: it is as if nobody had taken it.
  /// - Returns: how many.
  static func leave(
    _ owner: String, fresh: [UUID], clock: SagaClock, in transaction: any Transaction
  ) throws -> Int {
    try transaction.relax()
    let now = try clock.now(transaction)
    let untouched = try transaction.execute(
      """
      UPDATE gravity_sagas SET owner = NULL, run_at = \(now), attempt = 0, began_at = NULL, patient_since = NULL,
        past_pivot = \(false)
      WHERE owner = \(owner) AND version = 1 AND id IN \(list: fresh)
      """)
    let rest = try transaction.execute(
      "UPDATE gravity_sagas SET owner = NULL, run_at = \(now) WHERE owner = \(owner)")
    try transaction.execute("DELETE FROM gravity_saga_owners WHERE id = \(owner)")
    if untouched + rest > 0 { try transaction.notify(SagaStore.arrivals, "") }
    return untouched + rest
  }

  // MARK: - Upkeep

  /// Whether that owner is the one that keeps house, so that one does it among all.
  static func isFirst(_ owner: String, clock: SagaClock, in transaction: any Transaction) throws -> Bool {
    let first: String? = try transaction.rows(
      "SELECT min(id) AS first FROM gravity_saga_owners WHERE lease_until > \(try clock.now(transaction))"
    ).first?.get("first")
    return first == owner
  }

  /// Deletes ended sagas that were kept long enough.
  /// - Returns: how many; less than `limit` when that was all.
  static func deleteExpired(limit: Int, clock: SagaClock, in transaction: any Transaction) throws -> Int {
    try transaction.relax()
    let rows = try transaction.rows(
      """
      SELECT id FROM gravity_sagas WHERE expires_at IS NOT NULL AND expires_at <= \(try clock.now(transaction))
      ORDER BY expires_at LIMIT \(limit)\(SQL.only(.postgresql, " FOR UPDATE SKIP LOCKED"))
      """)
    let ids: [UUID] = try rows.map { try $0.get("id") }
    if ids.isEmpty { return 0 }
    try transaction.execute("DELETE FROM gravity_saga_steps WHERE saga IN \(list: ids)")
    try transaction.execute("DELETE FROM gravity_saga_signals WHERE saga IN \(list: ids)")
    return try transaction.execute("DELETE FROM gravity_sagas WHERE id IN \(list: ids)")
  }
}
