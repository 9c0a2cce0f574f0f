import Foundation
import GravityIdentity
import Synchronization

/// A store of the blacklist that has bad days.
final class TestTokenStore: TokenStore {
  enum Day: Sendable { case good, failing, frozen }

  /// Says at once what it knows, as a store beside the gateway would, whatever the gateway's own list has learned.
  private let inner: InMemoryTokenStore
  private let state = Mutex((day: Day.good, questions: 0, highest: 0, open: 0))

  init(isSeeded: Bool = true) async throws {
    inner = InMemoryTokenStore(list: RevocationList(maximumAge: nil))
    if isSeeded { try await inner.seed([]) }
  }

  func set(_ day: Day) { state.withLock { $0.day = day } }
  var questions: Int { state.withLock { $0.questions } }
  /// Questions at the same time, at most.
  var highest: Int { state.withLock { $0.highest } }

  func verdict(
    tokenID: String, sessionID: String?, subject: String, epoch: Int64
  ) async throws -> RevocationList.Verdict {
    let day = state.withLock { state in
      state.questions += 1
      state.open += 1
      state.highest = max(state.highest, state.open)
      return state.day
    }
    defer { state.withLock { $0.open -= 1 } }
    switch day {
    case .good: break
    case .failing: throw Unexpected(description: "on purpose")
    // Until whoever asked gives up.
    case .frozen: for await _ in AsyncStream<Void>.makeStream().stream {}
    }
    try Task.checkCancellation()
    return try await inner.verdict(tokenID: tokenID, sessionID: sessionID, subject: subject, epoch: epoch)
  }

  func record(_ token: IssuedToken) async throws { try await inner.record(token) }
  func token(_ id: String) async throws -> IssuedToken? { try await inner.token(id) }
  func touch(session id: String, at time: Date, expiresAt: Date) async throws {
    try await inner.touch(session: id, at: time, expiresAt: expiresAt)
  }
  func lastSeen(sessions ids: [String]) async throws -> [String: Date] { try await inner.lastSeen(sessions: ids) }
  func revoke(_ revocations: [Revocation]) async throws { try await inner.revoke(revocations) }
  func revocations() async throws -> [Revocation] { try await inner.revocations() }
  func seed(_ revocations: [Revocation]) async throws { try await inner.seed(revocations) }
  func isSeeded() async throws -> Bool { try await inner.isSeeded() }
}
