import Foundation
import GravityContracts
import GravityData
import Logging
import Metrics
import Synchronization

/// Lets changes of stock that wait for one another share a transaction.
///
/// An item that everybody wants is one row, which transactions could only change one after the other, each with its
/// own round trips and its own flush to disk. So what waits here goes together, first come, first served, each with a
/// verdict of its own; nobody is answered before the transaction is committed. Several instances take turns by a lock
/// that is taken before the transaction begins, so that they queue instead of failing each other.
final class StockWriter: Sendable {
  static let lock = "inventory stock"

  private let core: InventoryCore
  private let line: WaitingLine<StockTurn>
  private let isRunning = Mutex(false)
  private let sizes: Recorder

  init(_ core: InventoryCore, metrics: any MetricsFactory) {
    self.core = core
    line = WaitingLine(limit: core.configuration.maximumWaiting, timeout: core.configuration.waitTimeout) {
      DatabaseError(.busy, "too many changes of stock wait, or too long")
    }
    sizes = Recorder(label: "inventory.batch.size", dimensions: [], aggregate: true, factory: metrics)
  }

  /// Runs `body` in a transaction, together with whatever else waits.
  ///
  /// - Parameter body: decides first and changes then: a `Problem` that it throws is its caller's alone, and what it
  ///   changed until then stays. It may run again.
  func write<T: Sendable>(
    _ needs: StockNeeds, _ body: @escaping @Sendable (StockBatch) throws -> T
  ) async throws -> T {
    try await line.submit(Cancellation(), wake: { self.wake() }) { turn in
      guard let batch = turn.batch else {
        turn.needs.formUnion(needs)
        throw CancellationError()
      }
      return try batch.change(body)
    }
  }

  /// Runs `body` at most once under that key. With a key it goes alone, since the key is kept in its own transaction.
  func write<T: Codable & Sendable>(
    _ needs: StockNeeds, once key: IdempotencyKey?, _ body: @escaping @Sendable (StockBatch) throws -> T
  ) async throws -> Once<T> {
    guard let key else { return Once(try await write(needs, body), isReplay: false) }
    return try await core.database.write(once: key, orderedBy: Self.lock) { [core] transaction in
      let batch = try StockBatch(transaction, core)
      try batch.load(needs)
      let value = try batch.change(body)
      try batch.flush()
      return value
    }
  }

  private func wake() {
    let isFirst = isRunning.withLock { isRunning in
      defer { isRunning = true }
      return !isRunning
    }
    guard isFirst else { return }
    // Detached: it works for all who wait, and neither the trace nor the cancellation of one of them is its own.
    Task.detached {
      await self.run(self.line.take(atMost: self.core.configuration.batch))
      self.isRunning.withLock { $0 = false }
      // Whoever came after the batch was taken, and found somebody at work.
      if self.line.count > 0 { self.wake() }
    }
  }

  private func run(_ calls: [WaitingLine<StockTurn>.Call]) async {
    guard !calls.isEmpty else { return }
    do {
      let answers = try await core.database.write { [core] transaction in
        try transaction.order(by: Self.lock)
        let turn = StockTurn()
        for call in calls { _ = call.run(turn) }
        let batch = try StockBatch(transaction, core)
        try batch.load(turn.needs)
        turn.batch = batch
        let answers = calls.map { $0.run(turn) }
        try batch.flush()
        faultPoint("inventory.change.written")
        return answers
      }
      faultPoint("inventory.change.committed")
      sizes.record(calls.count)
      for answer in answers { answer(nil) }
    } catch {
      // What one of them brought about is not to harm the others.
      guard calls.count > 1, Self.isFault(error) else {
        for call in calls { call.refuse(error) }
        return
      }
      core.logger.error("changes of stock failed, and are tried one by one", metadata: ["error.message": "\(error)"])
      for call in calls { await run([call]) }
    }
  }

  /// Whether the same may succeed for the others, and surely nothing took effect.
  private static func isFault(_ error: any Error) -> Bool {
    guard let error = error as? DatabaseError else { return true }
    return !error.isTransient && ![.commitUnknown, .closed, .readOnly].contains(error.code)
  }
}

/// A batch while it is put together: first everybody says what to read, then everybody changes it.
final class StockTurn {
  var needs = StockNeeds()
  var batch: StockBatch?
}
