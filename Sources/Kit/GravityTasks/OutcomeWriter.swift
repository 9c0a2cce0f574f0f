import GravityData
import Synchronization

/// Writes how attempts ended. What ends while a write is under way shares the next transaction, so that many short
/// tasks do not cost a flush to disk each.
final class OutcomeWriter: Sendable {
  private struct Item {
    var key: AttemptKey
    var outcome: TaskOutcome
    var retention: Int
    var answer: CheckedContinuation<TaskOutcome?, any Error>
  }
  private struct State {
    var items: [Item] = []
    var isWriting = false
  }
  private let state = Mutex(State())
  private let database: any Database

  init(_ database: any Database) { self.database = database }

  /// - Returns: how the attempt ended; nil when the task was no longer its own.
  func write(_ key: AttemptKey, _ outcome: TaskOutcome, retention: Int) async throws -> TaskOutcome? {
    try await withCheckedThrowingContinuation { answer in
      let starts = state.withLock { state in
        state.items.append(Item(key: key, outcome: outcome, retention: retention, answer: answer))
        defer { state.isWriting = true }
        return !state.isWriting
      }
      // Its own task, since no caller's cancellation may keep the others' outcomes from being written. It ends when
      // there is nothing left to write.
      if starts { Task { await writeAll() } }
    }
  }

  private func writeAll() async {
    while true {
      let items = state.withLock { state in
        let items = Array(state.items.prefix(100))
        state.items.removeFirst(items.count)
        if items.isEmpty { state.isWriting = false }
        return items
      }
      if items.isEmpty { return }
      do {
        try await write(items)
      } catch let error as DatabaseError where error.isTransient || error.code == .commitUnknown || items.count == 1 {
        for item in items { item.answer.resume(throwing: error) }
      } catch {
        // One that cannot be written must not keep the others from it.
        for item in items {
          do { try await write([item]) } catch { item.answer.resume(throwing: error) }
        }
      }
    }
  }

  /// Answers when it was committed.
  private func write(_ items: [Item]) async throws {
    let work = items.map { ($0.key, $0.outcome, $0.retention) }
    let outcomes = try await database.write { transaction in
      try transaction.relax()
      return try work.map { try TaskTable.finish($0.0, $0.1, retention: $0.2, in: transaction) }
    }
    for (item, outcome) in zip(items, outcomes) { item.answer.resume(returning: outcome) }
  }
}
