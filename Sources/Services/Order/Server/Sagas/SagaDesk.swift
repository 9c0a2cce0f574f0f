import Foundation
import GravityContracts
import GravityData
import GravitySaga
import Logging
import OrderAPI
import Synchronization

/// What administrators see of sagas, and do with those that are parked.
struct SagaDesk: Sendable {
  let core: OrderCore
  private let watchers = Watchers()

  init(core: OrderCore) { self.core = core }

  /// How many may watch at the same time; each looks at the table for itself.
  static let greatestWatchers = 32

  private final class Watchers: Sendable {
    private let count = Mutex(0)
    func enter() -> Bool {
      count.withLock { count in
        guard count < SagaDesk.greatestWatchers else { return false }
        count += 1
        return true
      }
    }
    func leave() { count.withLock { $0 -= 1 } }
  }

  func list(_ request: SagaSearch) async throws -> Page<SagaView> {
    try await core.sagas.list(
      state: request.state, name: request.name, subject: request.subject, limit: try PageLimit.checked(request.limit),
      after: try request.cursor.map { Cursor([try $0.id.lowercased]) })
  }

  func find(_ id: UUID) async throws -> SagaView {
    guard let view = try await core.sagas.view(id) else { throw Problem.notFound("saga") }
    return view
  }

  func retry(_ id: UUID) async throws -> SagaView {
    let view = try await find(id)
    guard try await core.sagas.retry(id) else {
      throw Problem(
        409, "invalid_state", "Only a parked saga can be tried again: this one is \(view.state.rawValue)",
        detail: "A running one goes on by itself.",
        extensions: ["state": .string(view.state.rawValue), "allowed": .array([])])
    }
    return try await find(id)
  }

  /// How often the table is looked at while somebody watches.
  static let period: Duration = .milliseconds(500)

  /// Each saga that has moved on since the last look: of the newest 100, and of 100 in each state that is no end.
  ///
  /// Looked at rather than told: a notification for every step would cost every order something, and watchers are few.
  ///
  /// - Throws: `Problem` 503 when ``greatestWatchers`` watch already.
  func watch() throws -> AsyncStream<ServerSentEvent> {
    guard watchers.enter() else {
      throw Problem(
        503, "too_many_watchers", "\(Self.greatestWatchers) watch already", detail: "Try again in a while.",
        retryAfter: 10)
    }
    let (events, feed) = AsyncStream.makeStream(of: ServerSentEvent.self, bufferingPolicy: .bufferingOldest(256))
    let (core, period) = (core, Self.period)
    let task = Task {
      var seen: [UUID: SagaView]?
      while !Task.isCancelled {
        do {
          let now = try await look(after: seen ?? [:])
          for view in now.values.sorted(by: { $0.updatedAt < $1.updatedAt }) {
            guard let seen, seen[view.id]?.updatedAt != view.updatedAt else { continue }
            let data = try StoredJSON.encode(view)
            if case .dropped = feed.yield(ServerSentEvent("saga", id: view.id.lowercased, data: data)) {
              feed.finish()
              return
            }
          }
          seen = now
        } catch is CancellationError {
          break
        } catch {
          core.logger.warning("sagas cannot be watched now", metadata: ["error.message": "\(error)"])
        }
        do { try await Task.sleep(for: period) } catch { break }
      }
      feed.finish()
    }
    feed.onTermination = { [watchers] _ in
      task.cancel()
      watchers.leave()
    }
    return events
  }

  private func look(after seen: [UUID: SagaView]) async throws -> [UUID: SagaView] {
    var views = try await core.sagas.list(limit: PageLimit.greatest).items
    for state in SagaState.allCases where !state.isTerminal {
      views += try await core.sagas.list(state: state, limit: PageLimit.greatest).items
    }
    var now = Dictionary(views.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    // What was under way and is in no list any more has ended.
    for old in seen.values where now[old.id] == nil && old.endedAt == nil {
      now[old.id] = try await core.sagas.find(old.id)
    }
    return now
  }
}
