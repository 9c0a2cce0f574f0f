import Foundation
import GravityContracts
import GravityData
import Logging
import Patience
import ServiceLifecycle
import Synchronization
import Testbed
import Testing

@testable import GravitySaga

/// What the sagas of these tests keep.
struct Plan: Codable, Sendable, Hashable {
  var notes: [String] = []
}

/// What most tests need: a saga whose steps do as they are told, runners that are stopped at the end, a clock.
struct Stage: Sendable {
  static let migrations = [
    Migration(
      1, "sagas",
      SagaStore.migrationStatements + [
        .table(
          "effects", "saga \(type: .uuid) NOT NULL, what \(type: .text) NOT NULL, PRIMARY KEY (saga, what)"),
        .table("endings", "saga \(type: .uuid) PRIMARY KEY, ending \(type: .text) NOT NULL"),
      ])
  ]

  let database: any Database
  let clock: TestClock
  let store: SagaStore
  let script: Script

  /// - Parameter isReal: the database's own clock counts, and not the test's.
  init(
    _ database: any Database, script: Script = Script(), clock: TestClock = TestClock(), isReal: Bool = false
  ) {
    self.database = database
    self.clock = clock
    self.script = script
    store = SagaStore(database, clock: isReal ? .database : SagaClock { _ in clock.now })
  }

  /// `a b c! d`: four steps of which the third is the pivot. A `-` at the end: nothing undoes the step.
  func saga(
    _ names: String = "a b c! d e", name: String = "test.saga",
    retry: SagaRetry = SagaRetry(
      first: .seconds(1), factor: 2, greatest: .seconds(8), jitter: 0, patience: .seconds(20)),
    timeLimit: Duration = .seconds(60)
  ) -> Saga<Plan> {
    let steps = names.split(separator: " ").map { word in
      let step = String(word.filter { $0.isLetter })
      let undo: SagaStep<Plan>.Compensation = { [script] in try await script.undo(step, $0) }
      return SagaStep<Plan>(
        step, timeLimit: timeLimit, retry: retry, isPivot: word.hasSuffix("!"),
        action: { [script] in try await script.act(step, $0) },
        compensation: word.hasSuffix("-") ? nil : undo)
    }
    return Saga(name, steps: steps) { ending, state, saga, transaction in
      try script.ended?(ending)
      let text =
        switch ending {
        case .completed: "completed"
        case .compensated(let refusal): "compensated: \(refusal.code)"
        }
      state.notes.append("ended")
      try transaction.execute("INSERT INTO endings (saga, ending) VALUES (\(saga.id), \(text))")
    }
  }

  func runner(
    _ sagas: Saga<Plan>..., store: SagaStore? = nil, logger: Logger = .silent,
    _ configure: (inout SagaRunner.Configuration) -> Void = { _ in }
  ) -> SagaRunner {
    var configuration = SagaRunner.Configuration()
    // The tests' clock makes leaps.
    configuration.lease = .seconds(86_400)
    configuration.chance = { 0.5 }
    configure(&configuration)
    return SagaRunner(store ?? self.store, of: sagas.map { AnySaga($0) }, configuration: configuration, logger: logger)
  }

  /// Runs runners while `body` runs, then cancels them.
  func running<T: Sendable>(_ runners: SagaRunner..., body: () async throws -> T) async throws -> T {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for runner in runners { group.addTask { try await runner.run() } }
      defer { group.cancelAll() }
      for runner in runners {
        try await eventually("the runner lives") { runner.state.withLock { $0.renewedAt > 0 } }
      }
      return try await body()
    }
  }

  @discardableResult
  func start(_ saga: Saga<Plan>, _ id: UUID = .v7(), store: SagaStore? = nil) async throws -> UUID {
    let store = store ?? self.store
    _ = try await database.write { try store.start(saga, id: id, subject: "test", state: Plan(), in: $0) }
    return id
  }

  /// Starts a saga, runs it until it has ended, and says how.
  func play(_ saga: Saga<Plan>) async throws -> SagaView {
    try await running(runner(saga)) {
      let id = try await start(saga)
      return try await end(id)
    }
  }

  func end(_ id: UUID) async throws -> SagaView {
    let view = try #require(try await store.ended(id, within: .seconds(60)))
    try #require(view.endedAt != nil, "it has not ended: \(view)")
    return view
  }

  func state(_ id: UUID) async throws -> SagaState? {
    try await store.find(id).flatMap { if case .known(let state) = $0.state { state } else { nil } }
  }

  /// Waits until the saga is nobody's and in that state.
  func rests(_ id: UUID, _ state: SagaState, step: String? = nil) async throws {
    try await eventually("\(state) at \(step ?? "any step")") {
      guard let view = try await store.find(id) else { return false }
      return view.owner == nil && view.state == .known(state) && (step == nil || view.step == step)
    }
  }

  /// Waits until an attempt has failed, and the next is `wait` from now.
  func fails(_ id: UUID, _ state: SagaState, step: String? = nil, next wait: Double) async throws {
    let next = clock.now.addingTimeInterval(wait).roundedToMicroseconds
    try await eventually("\(state) at \(step ?? "the end") until \(wait) s from now") {
      guard let view = try await store.find(id) else { return false }
      return view.owner == nil && view.state == .known(state) && view.step == step && view.nextAttemptAt == next
    }
  }

  /// `a done`, `-b failed`: the timeline in short.
  func timeline(_ id: UUID) async throws -> [String] {
    try await store.timeline(id).map { "\($0.kind == .known(.compensation) ? "-" : "")\($0.name) \($0.state.rawValue)" }
  }

  func ending(_ id: UUID) async throws -> String? {
    try await database.rows("SELECT ending FROM endings WHERE saga = \(id)").first?.get("ending")
  }

  func advance(_ duration: Duration, _ runner: SagaRunner? = nil) {
    clock.advance(duration)
    runner?.work.raise()
  }
}

final class TestClock: Sendable {
  private let time = Mutex(Date(timeIntervalSince1970: 1_800_000_000))
  var now: Date { time.withLock { $0 } }
  /// In whole microseconds, as the databases keep them.
  func advance(_ duration: Duration) {
    time.withLock { $0 = $0.addingTimeInterval(duration.inSeconds).roundedToMicroseconds }
  }
}

/// What steps are told to do, and what they did.
final class Script: Sendable {
  enum Move: Sendable {
    case done
    case refuse(String)
    case fail
    case wait(String, Duration)
    case run(@Sendable (SagaAttempt<Plan>) async throws -> SagaOutcome<Plan>)
  }
  struct Failure: Error {}

  private let moves = Mutex<[String: [Move]]>([:])
  private let undoings = Mutex<[String: Int]>([:])
  private let lines = Mutex<[String]>([])
  private let end = Mutex<(@Sendable (SagaEnding) throws -> Void)?>(nil)

  /// `a`, `b`, `-b`, `-a`: each attempt.
  var journal: [String] { lines.withLock { $0 } }

  var ended: (@Sendable (SagaEnding) throws -> Void)? {
    get { end.withLock { $0 } }
    set { end.withLock { $0 = newValue } }
  }

  /// In their order; after the last of them a step is done.
  func tell(_ step: String, _ next: Move...) { moves.withLock { $0[step, default: []] += next } }

  /// How often undoing it fails.
  func failUndoing(_ step: String, times: Int) { undoings.withLock { $0[step] = times } }

  func act(_ step: String, _ attempt: SagaAttempt<Plan>) async throws -> SagaOutcome<Plan> {
    lines.withLock { $0.append(step) }
    let move = moves.withLock { moves -> Move in
      guard let next = moves[step]?.first else { return .done }
      moves[step]?.removeFirst()
      return next
    }
    switch move {
    case .done:
      return .done { state, transaction in
        state.notes.append(step)
        // Fails when a step's end is recorded twice.
        try transaction.execute("INSERT INTO effects (saga, what) VALUES (\(attempt.sagaID), \(step))")
      }
    case .refuse(let code): return .refused(code: code)
    case .fail: throw Failure()
    case .wait(let event, let limit): return .waiting(for: event, atMost: limit)
    case .run(let body): return try await body(attempt)
    }
  }

  func undo(_ step: String, _ attempt: SagaAttempt<Plan>) async throws -> SagaUndoing<Plan> {
    lines.withLock { $0.append("-\(step)") }
    let fails = undoings.withLock { undoings -> Bool in
      guard let left = undoings[step], left > 0 else { return false }
      undoings[step] = left - 1
      return true
    }
    if fails { throw Failure() }
    return .done { state, _ in state.notes.append("-\(step)") }
  }
}

/// Stays closed until it is opened, whoever is cancelled meanwhile.
final class Door: Sendable {
  private struct State {
    var isOpen = false
    var passed = 0
    var waiters: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  /// How many came, whether they wait or not.
  var visitors: Int { state.withLock { $0.passed } }

  func open() {
    let waiters = state.withLock { state in
      state.isOpen = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  func pass() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        state.passed += 1
        if !state.isOpen { state.waiters.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }
}
