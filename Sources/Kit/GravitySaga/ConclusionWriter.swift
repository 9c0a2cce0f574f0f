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
    /// Those that touch nothing but one saga each, and those with a record of the service's own.
    var plain: [Item] = []
    var recording: [Item] = []
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
        if conclusion.touchesOneSagaOnly { state.plain.append(item) } else { state.recording.append(item) }
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
    while let (items, isPlain) = next() {
      do {
        try await write(items, isPlain)
      } catch  where items.count == 1 || (error as? DatabaseError)?.code == .commitUnknown {
        for item in items { item.answer.resume(throwing: error) }
      } catch {
        // One that cannot be written must not keep the others from it.
        for item in items {
          do { try await write([item], isPlain) } catch { item.answer.resume(throwing: error) }
        }
      }
    }
  }

  private func next() -> (items: [Item], isPlain: Bool)? {
    state.withLock { state in
      // The larger crowd first: both get their turn, since it is then the smaller.
      let isPlain = state.plain.count >= state.recording.count
      let items = Array((isPlain ? state.plain : state.recording).prefix(Self.greatestBatch))
      if isPlain { state.plain.removeFirst(items.count) } else { state.recording.removeFirst(items.count) }
      guard items.isEmpty else { return (items, isPlain) }
      state.writers -= 1
      return nil
    }
  }

  /// Answers when it was committed.
  private func write(_ items: [Item], _ isPlain: Bool) async throws {
    let conclusions = items.map(\.conclusion)
    let concluded = try await database.write { transaction in
      if isPlain { try SagaTable.relax(transaction) }
      return try conclusions.map { try $0.write(in: transaction) }
    }
    for (item, concluded) in zip(items, concluded) { item.answer.resume(returning: concluded) }
  }
}
