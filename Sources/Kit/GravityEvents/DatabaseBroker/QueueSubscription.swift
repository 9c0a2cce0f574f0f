import Foundation
import GravityData
import Logging
import Synchronization

/// One instance's share of a queue of the embedded broker.
final class QueueSubscription: EventSubscription {
  private let broker: DatabaseBroker
  private let queue: EventQueue
  private let prefetch: Int
  private let signal = Signal()
  private struct State {
    /// Fetched and not settled.
    var ids: [UInt64: UUID] = [:]
    var lastTag: UInt64 = 0
    var isDeclared = false
    var hasEnded = false
    /// What it was asked for and cannot be.
    var refusal: BrokerError?
    var listener: Task<Void, Never>?
  }
  private let state = Mutex(State())

  /// Notifications wake it. This is for what has none: leases that ran out, and on SQLite other processes altogether.
  private var poll: Duration { broker.database.dialect == .sqlite ? .seconds(1) : .seconds(5) }

  init(broker: DatabaseBroker, queue: EventQueue, prefetch: Int) {
    self.broker = broker
    self.queue = queue
    self.prefetch = prefetch
    do {
      try queue.validate()
      guard (1...1_000).contains(prefetch) else {
        throw BrokerError.invalid("a prefetch is 1 to 1 000, not \(prefetch)")
      }
    } catch let error as BrokerError {
      state.withLock { $0.refusal = error }
    } catch {
      state.withLock { $0.refusal = .invalid("\(error)") }
    }
  }

  /// Makes the queue and begins to fetch. Called once, when the broker runs.
  func start() {
    guard state.withLock({ $0.refusal == nil && !$0.hasEnded }) else { return }
    let notifications = broker.database.notifications(on: QueueStore.channel(queue.name))
    let listener = Task { [weak self] in
      await self?.declare()
      for await _ in notifications { self?.signal.raise() }
    }
    let hasEnded = state.withLock { state in
      state.listener = listener
      return state.hasEnded
    }
    if hasEnded { listener.cancel() }
  }

  func next(atMost count: Int) async throws -> [EventDelivery] {
    var backoff = Backoff(first: .milliseconds(100), greatest: .seconds(5))
    while true {
      try Task.checkCancellation()
      let (hasEnded, isDeclared, free, refusal) = state.withLock {
        ($0.hasEnded, $0.isDeclared, prefetch - $0.ids.count, $0.refusal)
      }
      if let refusal { throw refusal }
      if hasEnded { throw BrokerError.closed }
      do {
        if isDeclared, free > 0 {
          let deliveries = try await claim(min(count, free))
          if backoff.failures > 0 { broker.logger.notice("the queue is fetched from again", metadata: metadata) }
          backoff.succeeded()
          if !deliveries.isEmpty { return deliveries }
        }
        await signal.wait(atMost: poll * Double.random(in: 0.8...1.2))
        // So that what comes together is fetched and handled together.
        try await Task.sleep(for: .milliseconds(2))
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        backoff.failed()
        if backoff.failures == 1 {
          broker.logger.warning(
            "cannot fetch from the queue",
            metadata: metadata.merging(["error.message": "\(error)"]) { _, new in new })
        }
        try await Task.sleep(for: backoff.pause)
      }
    }
  }

  private var metadata: Logger.Metadata { ["queue": "\(queue.name)"] }

  /// Claimed in a task of its own: a caller that is cancelled leaves nothing claimed and forgotten.
  private func claim(_ count: Int) async throws -> [EventDelivery] {
    try await Task { [queue, broker] in
      let claimed = try await broker.database.write {
        try $0.relax()
        return try QueueStore($0).claim(from: queue.name, limit: count, lease: broker.lease)
      }
      return self.state.withLock { state in
        claimed.sorted { $0.message.id.uuidString < $1.message.id.uuidString }.map { message, deliveries in
          state.lastTag += 1
          state.ids[state.lastTag] = message.id
          return EventDelivery(message: message, isRedelivered: deliveries > 1, tag: state.lastTag)
        }
      }
    }.value
  }

  func acknowledge(_ deliveries: [EventDelivery]) async {
    await settle(deliveries, "acknowledge") { [queue] ids, transaction in
      try QueueStore(transaction).delete(ids, from: queue.name)
    }
  }

  func giveBack(_ deliveries: [EventDelivery]) async {
    await settle(deliveries, "give back") { [queue] ids, transaction in
      try QueueStore(transaction).release(ids, to: queue.name)
    }
  }

  private func settle(
    _ deliveries: [EventDelivery], _ what: String,
    _ body: @escaping @Sendable ([UUID], any Transaction) throws -> Void
  ) async {
    let ids = state.withLock { state in deliveries.compactMap { state.ids.removeValue(forKey: $0.tag) } }
    guard !ids.isEmpty else { return }
    await write(ids, what, body)
    signal.raise()
  }

  /// Also for a caller that was cancelled. When it fails the leases run out and the messages come again.
  private func write(
    _ ids: [UUID], _ what: String, _ body: @escaping @Sendable ([UUID], any Transaction) throws -> Void
  ) async {
    let result = await Task { [broker] in
      try await broker.database.write {
        try $0.relax()
        try body(ids, $0)
      }
    }.result
    if case .failure(let error) = result {
      broker.logger.warning(
        "cannot \(what) messages", metadata: metadata.merging(["error.message": "\(error)"]) { _, new in new })
    }
  }

  func renew() async {
    let ids = state.withLock { Array($0.ids.values) }
    guard !ids.isEmpty else { return }
    await write(ids, "keep") { [queue, broker] ids, transaction in
      try QueueStore(transaction).renew(ids, in: queue.name, lease: broker.lease)
    }
  }

  func close() async {
    end()
    let ids = state.withLock { state in
      defer { state.ids = [:] }
      return Array(state.ids.values)
    }
    broker.remove(self)
    guard !ids.isEmpty else { return }
    await write(ids, "give back") { [queue] ids, transaction in
      try QueueStore(transaction).release(ids, to: queue.name)
    }
  }

  /// Nothing is fetched from now on.
  func end() {
    let listener = state.withLock { state in
      state.hasEnded = true
      defer { state.listener = nil }
      return state.listener
    }
    listener?.cancel()
    signal.raise()
  }

  private func declare() async {
    var backoff = Backoff(first: .milliseconds(100), greatest: .seconds(5))
    while !Task.isCancelled {
      do {
        try await broker.database.write { [queue] in try QueueStore($0).declare(queue) }
        state.withLock { $0.isDeclared = true }
        return signal.raise()
      } catch {
        backoff.failed()
        if backoff.failures == 1 {
          broker.logger.warning(
            "cannot declare the queue",
            metadata: metadata.merging(["error.message": "\(error)"]) { _, new in new })
        }
        try? await Task.sleep(for: backoff.pause)
      }
    }
  }
}
