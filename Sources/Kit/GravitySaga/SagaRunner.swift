import Dispatch
public import Foundation
import GravityContracts
import GravityData
public import Logging
public import Metrics
public import ServiceLifecycle
import Synchronization

/// Drives the sagas of a service's database, in as many instances as there are.
///
/// ```swift
/// let sagas = SagaStore(database)
/// let runner = SagaRunner(sagas, of: [AnySaga(placement)], logger: logger)
/// ```
///
/// An instance owns the sagas that it runs: as long as it renews its lease, no other takes them, and whatever it writes
/// is refused when another has. What is started in this process begins here at once. Actions are cancelled at their
/// time limit and at a shutdown's deadline, and are to heed it. They must not block their thread.
///
/// On SQLite only the runners of the process that starts a saga, or signals or cancels one, wake at once; those of
/// another find it at their next look, within ``Configuration/pollInterval``.
public final class SagaRunner: Service {
  struct State {
    var hasStarted = false
    /// Nothing new is begun; what runs ends with its present attempt.
    var isDraining = false
    var isHurried = false
    /// Unique for this start of this process, and each time that its lease was lost.
    var owner: String
    var renewedAt: UInt64 = 0
    /// Owned, but not yet read.
    var queue: [UUID] = []
    /// In the queue, being read, or running.
    var known: Set<UUID> = []
    var running: [UUID: SagaAttemptTask?] = [:]
    /// Taken again while an attempt from before the lease was lost has not ended: it goes first.
    var held: [UUID: ClaimedSaga] = [:]
    /// Whether a notification may have been missed.
    var mayHaveLost = false
    /// Whether the last claim left some that were due.
    var hasBacklog = false
  }
  let state: Mutex<State>
  let store: SagaStore
  let sagas: [String: AnySaga]
  let kinds: [AnySaga]
  let metrics: [String: SagaMetrics]
  let gauges: SagaGauges
  let conclusions: ConclusionWriter
  let configuration: Configuration
  let logger: Logger
  private let name: String
  /// Something may be due, or a slot is free.
  let work = Signal()
  /// The queue has something, or a slot is free.
  let arrived = Signal()
  /// A saga runs no more, while a shutdown waits for all.
  let idle = Signal()

  /// - Parameters:
  ///   - store: the one by which this process starts sagas, so that they run here at once.
  ///   - sagas: of different names. Those of others are left to instances that know them.
  ///   - name: of this instance, for people; at most 100 bytes are kept.
  ///   - metrics: where metrics go; the process's own factory when nil.
  public init(
    _ store: SagaStore, of sagas: [AnySaga], configuration: Configuration = Configuration(),
    name: String = "\(ProcessInfo.processInfo.processIdentifier)", logger: Logger = Logger(label: "gravity.sagas"),
    metrics: (any MetricsFactory)? = nil
  ) {
    precondition(Set(sagas.map(\.name)).count == sagas.count, "two sagas have the same name")
    let factory = metrics ?? MetricsSystem.factory
    self.store = store
    self.configuration = configuration.bounded()
    self.logger = logger
    self.name = name.bounded(to: 100).replacing(" ", with: "-")
    kinds = sagas
    self.sagas = Dictionary(sagas.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.metrics = self.sagas.mapValues { SagaMetrics($0, factory) }
    conclusions = ConclusionWriter(store.database)
    gauges = SagaGauges(factory, names: sagas.map(\.name))
    state = Mutex(State(owner: Self.ownerName(self.name)))
  }

  var owner: String { state.withLock { $0.owner } }
  var isDraining: Bool { state.withLock { $0.isDraining } }

  private static func ownerName(_ name: String) -> String { "\(name)/\(UUID().uuidString.lowercased())" }

  /// Runs until shutdown or cancellation: it then takes no more sagas, lets attempts that run end until
  /// ``Configuration/drainTimeout`` (not at all when cancelled), and gives its sagas back, so that another instance goes
  /// on at once.
  public func run() async throws {
    state.withLock { state in
      precondition(!state.hasStarted, "a runner runs once")
      state.hasStarted = true
    }
    await withGracefulShutdownHandler {
      await runUntilShutdown()
    } onGracefulShutdown: {
      // At once, so that a step that ends now is the last.
      self.store.hub.set(nil)
      self.state.withLock { $0.isDraining = true }
    }
    // Whoever cancelled us is told so; a shutdown is no error.
    try Task.checkCancellation()
  }

  private func runUntilShutdown() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.listenForArrivals() }
      group.addTask { await self.listenForEnds() }
      await cancelWhenGracefulShutdown { await self.enter() }
      group.addTask { await self.keepLease() }
      await cancelWhenGracefulShutdown {
        await withTaskGroup(of: Void.self) { group in
          group.addTask { await self.claimSagas() }
          group.addTask { await self.loadArrivals() }
          group.addTask { await self.freeLapsed() }
          group.addTask { await self.keepHouse() }
        }
      }
      store.hub.set(nil)
      await drain()
      group.cancelAll()
    }
  }

  // MARK: - Owning

  /// Says that this instance lives, and lets what is started here be its own; until that is done or it is cancelled.
  func enter() async {
    var errors = 0
    while !Task.isCancelled {
      let owner = Self.ownerName(name)
      let start = DispatchTime.now().uptimeNanoseconds
      do {
        try await store.database.write { [store, configuration] transaction in
          if configuration.isAlone { try transaction.execute("DELETE FROM gravity_saga_owners") }
          try SagaTable.register(owner, for: configuration.lease, clock: store.clock, in: transaction)
        }
        if configuration.isAlone { _ = try await freeAll() }
        let hasChanged = state.withLock { state in
          (state.owner, state.renewedAt) = (owner, start)
          return state.isDraining
        }
        guard !hasChanged else { return }
        store.hub.set(.init(owner: owner, names: Set(sagas.keys)) { [weak self] in self?.hasRoom ?? false })
        return
      } catch {
        errors += 1
        if !(error is CancellationError) {
          logger.warning("sagas cannot be run yet", metadata: ["error": "\(error)"])
        }
        await Signal().wait(atMost: retryPause(errors))
      }
    }
  }

  private var hasRoom: Bool {
    state.withLock { !$0.isDraining && $0.known.count < 2 * configuration.concurrency }
  }

  // MARK: - Hearing

  private func listenForArrivals() async {
    for await payload in store.database.notifications(on: SagaStore.arrivals) {
      let parts = payload.split(separator: " ", maxSplits: 1)
      if payload.isEmpty {
        state.withLock { $0.mayHaveLost = true }
        work.raise()
      } else if parts.count == 2 {
        if parts[1] == owner, let id = UUID(uuidString: String(parts[0])) { enqueue([id]) }
      } else if payload != DatabaseNotification.broken {
        work.raise()
      }
    }
  }

  private func listenForEnds() async {
    for await payload in store.database.notifications(on: SagaStore.ends) {
      if let id = UUID(uuidString: payload) { store.hub.ended(id) } else { store.hub.interrupted() }
    }
  }

  /// Those that are not known yet are read as soon as there is a slot.
  func enqueue(_ ids: [UUID]) {
    let isNew = state.withLock { state in
      let new = ids.filter { state.known.insert($0).inserted }
      state.queue += new
      return !new.isEmpty
    }
    if isNew { arrived.raise() }
  }

  /// `duration`, give or take a fifth: what many do at intervals is not to be done by all at once.
  func jittered(_ duration: Duration) -> Duration {
    .seconds(duration.inSeconds * (0.8 + 0.4 * configuration.chance()))
  }

  /// After `errors` failures of the database in a row: 50 ms, doubling up to 5 s, give or take a fifth.
  func retryPause(_ errors: Int) -> Duration {
    jittered(.milliseconds(min(5_000, 50 << min(max(errors - 1, 0), 7))))
  }
}
