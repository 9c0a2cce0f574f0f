public import Foundation
public import GravityContracts
import GravityData
import GravityTelemetry

extension SagaStore {
  /// - Returns: without its timeline; nil when there is none (any more).
  public func find(_ id: UUID) async throws -> SagaView? {
    try await row(id).map { SagaView($0.row, now: $0.now) }
  }

  /// With its timeline, the present attempt at its end.
  public func view(_ id: UUID) async throws -> SagaView? {
    guard let (row, now) = try await row(id) else { return nil }
    var view = SagaView(row, now: now)
    view.steps = try await entries(id) + [SagaStepView(present: row, now: now)].compactMap { $0 }
    return view
  }

  /// Every attempt of a saga, the oldest first, the present one at the end; empty when there is no such saga.
  public func timeline(_ id: UUID) async throws -> [SagaStepView] { try await view(id)?.steps ?? [] }

  /// The newest first.
  ///
  /// - Parameters:
  ///   - state: all when nil, as the other filters.
  ///   - limit: 1 to 100; others count as these.
  ///   - cursor: of the page before; one that is no cursor of this list is ignored.
  public func list(
    state: SagaState? = nil, name: String? = nil, subject: String? = nil, limit: Int = PageLimit.standard,
    after cursor: Cursor? = nil
  ) async throws -> Page<SagaView> {
    let limit = min(max(limit, 1), PageLimit.greatest)
    var condition: SQL = "WHERE TRUE"
    // As a literal: a planner that does not know the value cannot use an index of that state's rows.
    if let state {
      condition = condition + SQL(stringLiteral: " AND state = '\(state.rawValue)'")
      if !state.isTerminal { condition = condition + " AND ended_at IS NULL" }
    }
    if let name { condition = condition + " AND name = \(name)" }
    if let subject { condition = condition + " AND subject = \(subject)" }
    if let last = cursor?.parts.first.flatMap(UUID.init(uuidString:)) { condition = condition + " AND id < \(last)" }
    let statement: SQL = """
      SELECT \(SagaRow.columns) FROM gravity_sagas \(condition) ORDER BY id DESC LIMIT \(limit + 1)
      """
    let views = try await database.read { [clock] transaction in
      let now = try clock.now(transaction)
      return try transaction.all(statement, as: SagaRow.self).map { SagaView($0, now: now) }
    }
    return Page(fetched: views, limit: limit) { Cursor([$0.id.lowercased]) }
  }

  /// How many sagas of each kind are in each state. Those that have ended are counted up to `most`, since they are kept
  /// for a month.
  public func counts(most: Int = 10_000) async throws -> [SagaCount] {
    var counts = try await unfinishedCounts()
    for state in [SagaState.completed, .compensated] {
      let rows = try await database.rows(
        """
        SELECT name, count(*) AS count FROM (
          SELECT name FROM gravity_sagas
          WHERE state = \(SQL(stringLiteral: "'\(state.rawValue)'")) ORDER BY id DESC LIMIT \(max(0, most))
        ) AS ended GROUP BY name ORDER BY name
        """)
      counts += try rows.map { row in
        SagaCount(name: try row.get("name"), state: .known(state), count: try row.get("count"))
      }
    }
    return counts
  }

  func unfinishedCounts() async throws -> [SagaCount] {
    try await database.rows(
      """
      SELECT name, state, count(*) AS count FROM gravity_sagas WHERE ended_at IS NULL
      GROUP BY name, state ORDER BY name, state
      """
    ).map { row in
      SagaCount(name: try row.get("name"), state: Open(try row.get("state")), count: try row.get("count"))
    }
  }

  /// The state of a saga of that kind as it was written last.
  ///
  /// - Returns: nil when there is none of that id and kind.
  public func state<State>(of id: UUID, _ saga: Saga<State>) async throws -> State? {
    let data = try await database.rows(
      "SELECT data FROM gravity_sagas WHERE id = \(id) AND name = \(saga.name)"
    ).first
    return try data.map { try SagaData.decode(try $0.get("data")) }
  }

  private func row(_ id: UUID) async throws -> (row: SagaRow, now: Date)? {
    let row: SagaRow? = try await database.first("SELECT \(SagaRow.columns) FROM gravity_sagas WHERE id = \(id)")
    guard let row else { return nil }
    // The time is only of interest as long as it goes on, and would cost a transaction.
    if row.endedAt != nil { return (row, row.updatedAt) }
    return (row, try await database.read { [clock] in try clock.now($0) })
  }

  private func entries(_ id: UUID) async throws -> [SagaStepView] {
    try await database.all(
      """
      SELECT step, kind, attempt, started_at, ended_at, outcome, error FROM gravity_saga_steps
      WHERE saga = \(id) ORDER BY number
      """, as: TimelineEntry.self
    ).map { SagaStepView($0) }
  }
}

extension TimelineEntry: SQLRecord {
  init(_ row: SQLRow) throws {
    step = try row.get("step")
    kind = try row.get("kind", as: Stored<SagaStepKind>.self).value
    attempt = try row.get("attempt")
    startedAt = try row.get("started_at")
    endedAt = try row.get("ended_at")
    outcome = try row.get("outcome", as: Stored<SagaStepState>.self).value
    error = try row.get("error")
  }
}

extension SagaView {
  init(_ row: SagaRow, now: Date) {
    let trace = row.traceparent.flatMap { TraceContext(traceparent: $0) }
    let isOver = row.endedAt != nil
    self.init(
      id: row.id, name: row.name, subject: row.subject, state: .known(row.state), step: row.step,
      kind: row.step == nil ? nil : .known(row.kind), attempt: row.attempt, error: row.error,
      reasonCode: row.refusal?.code, reasonDetail: row.refusal?.detail,
      isCancelRequested: row.cancellation != nil, isPastPivot: row.isPastPivot,
      awaiting: row.state == .waiting ? row.awaiting : nil,
      nextAttemptAt: row.owner == nil && !isOver ? row.runAt : nil, owner: row.owner, traceID: trace?.traceIDText,
      startedAt: row.startedAt, updatedAt: row.updatedAt, endedAt: row.endedAt,
      durationMilliseconds: max(0, (row.endedAt ?? now).timeIntervalSince(row.startedAt) * 1000), steps: nil)
  }
}

extension SagaStepView {
  fileprivate init(_ entry: TimelineEntry) {
    self.init(
      name: entry.step, kind: .known(entry.kind), attempt: entry.attempt, state: .known(entry.outcome),
      startedAt: entry.startedAt, endedAt: entry.endedAt,
      durationMilliseconds: max(0, entry.endedAt.timeIntervalSince(entry.startedAt) * 1000), error: entry.error)
  }

  /// The attempt that is under way.
  fileprivate init?(present row: SagaRow, now: Date) {
    guard let step = row.step, let beganAt = row.beganAt, row.endedAt == nil else { return nil }
    self.init(
      name: step, kind: .known(row.kind), attempt: row.attempt, state: .known(.running), startedAt: beganAt,
      endedAt: nil, durationMilliseconds: max(0, now.timeIntervalSince(beganAt) * 1000), error: nil)
  }
}
