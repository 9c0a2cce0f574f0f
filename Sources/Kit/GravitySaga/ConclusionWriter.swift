import GravityData
import Synchronization

/// Writes how attempts ended. What ends while writes are under way shares the next transaction, so that many short
/// steps do not cost five round trips and a flush to disk each. SQLite's engine does the same by itself.
final class ConclusionWriter: Sendable {
  private struct Item: Sendable {
    var conclusion: Conclusion
    var answer: CheckedContinuation<SagaRunner.Concluded, any Error>
  }
  private struct State {
    /// Those that touch nothing but one saga each and what it is ordered by, and those that are serializable.
    var apart: [Item] = []
    var serializable: [Item] = []
    var writers = 0
  }
  private let state = Mutex(State())
  private let database: any Database

  /// Transactions at once: one prepares while another is being flushed to disk.
  private static let greatestWriters = 3
  /// Few enough that a neighbour that fails does not make many run again.
  private static let greatestBatch = 16

  init(_ database: any Database) { self.database = database }

  /// - Throws: as ``Conclusion/write(in:)``.
  func write(_ conclusion: Conclusion) async throws -> SagaRunner.Concluded {
    guard database.dialect == .postgresql else { return try await database.write { try conclusion.write(in: $0) } }
    return try await withCheckedThrowingContinuation { answer in
      let starts = state.withLock { state in
        let item = Item(conclusion: conclusion, answer: answer)
        if case .serializable = conclusion.order { state.serializable.append(item) } else { state.apart.append(item) }
        guard state.writers < Self.greatestWriters else { return false }
        state.writers += 1
        return true
      }
      // Its own task, since no caller's cancellation may keep the others' from being written. It ends when there is
      // nothing left to write.
      if starts { Task { await writeAll() } }
    }
  }

  private func writeAll() async {
    while let items = next() {
      do {
        try await write(items)
      } catch  where items.count == 1 || (error as? DatabaseError)?.code == .commitUnknown {
        for item in items { item.answer.resume(throwing: error) }
      } catch {
        // One that cannot be written must not keep the others from it.
        for item in items {
          do { try await write([item]) } catch { item.answer.resume(throwing: error) }
        }
      }
    }
  }

  private func next() -> [Item]? {
    state.withLock { state in
      // The larger crowd first: both get their turn, since it is then the smaller.
      let crowd: WritableKeyPath<State, [Item]> =
        state.apart.count >= state.serializable.count ? \.apart : \.serializable
      let items = Array(state[keyPath: crowd].prefix(Self.greatestBatch))
      state[keyPath: crowd].removeFirst(items.count)
      guard items.isEmpty else { return items }
      state.writers -= 1
      return nil
    }
  }

  /// Answers when it was committed.
  ///
  /// Of several, only those whose rows are free: who waits for one while it holds others may wait in a circle with
  /// whoever signals the same sagas in another order, until the database ends one of them after a second. What was not
  /// free is written alone.
  private func write(_ items: [Item]) async throws {
    let conclusions = items.map(\.conclusion)
    let written = try await database.write { transaction in
      try Self.declare(conclusions.map(\.order), in: transaction)
      guard conclusions.count > 1 else { return try conclusions.map { try $0.write(in: transaction) as Concluded? } }
      let free = try SagaTable.takeFree(conclusions.map(\.saga.row.id), in: transaction)
      return try conclusions.map { free.contains($0.saga.row.id) ? try $0.write(in: transaction) : nil }
    }
    var left: [Item] = []
    for (item, concluded) in zip(items, written) {
      if let concluded { item.answer.resume(returning: concluded) } else { left.append(item) }
    }
    for item in left {
      do { try await write([item]) } catch { item.answer.resume(throwing: error) }
    }
  }
  private typealias Concluded = SagaRunner.Concluded

  private static func declare(_ orders: [Conclusion.Order], in transaction: any Transaction) throws {
    var names: [String] = []
    for order in orders {
      switch order {
      case .serializable: return
      case .ordered(let name): names.append(name)
      case .relaxed: break
      }
    }
    if names.isEmpty { try transaction.relax() } else { try transaction.order(by: names) }
  }
}
