public import Foundation
import Synchronization

/// The embedded ``TokenStore``: this process's memory, and the ``RevocationList`` that its verifiers ask.
public final class InMemoryTokenStore: TokenStore {
  private struct State {
    var tokens: [String: IssuedToken] = [:]
    /// In the order of their recording, which is about that of their expiry.
    var tokenOrder: [String] = []
    var sessions: [String: (time: Date, expiresAt: Date)] = [:]
    var revocations: [Revocation.Target: Date] = [:]
    var isSeeded = false
    var nextSweep = 4096
  }
  private let state = Mutex(State())
  private let list: RevocationList
  private let capacity: Int
  private let now: @Sendable () -> Date

  /// - Parameters:
  ///   - list: Told of every revocation at once.
  ///   - capacity: How many tokens, and how many sessions, are kept; beyond, the oldest token is forgotten and no new
  ///     session noted. Revocations are always kept.
  public init(
    list: RevocationList, capacity: Int = 100_000, now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.list = list
    self.capacity = capacity
    self.now = now
  }

  public func record(_ token: IssuedToken) async throws {
    let time = now()
    guard token.expiresAt > time else { return }
    state.withLock { state in
      if state.tokens.updateValue(token, forKey: token.id) == nil { state.tokenOrder.append(token.id) }
      guard state.tokenOrder.count > capacity else { return }
      // A tenth at a time, so that a full store does not shift the whole order for each token.
      let leaving = max(1, capacity / 10)
      for id in state.tokenOrder.prefix(leaving) { state.tokens[id] = nil }
      state.tokenOrder.removeFirst(leaving)
    }
  }

  public func token(_ id: String) async throws -> IssuedToken? {
    let time = now()
    return state.withLock { state in state.tokens[id].flatMap { $0.expiresAt > time ? $0 : nil } }
  }

  public func touch(session id: String, at time: Date, expiresAt: Date) async throws {
    let now = now()
    state.withLock { state in
      if let known = state.sessions[id] {
        state.sessions[id] = (max(known.time, time), max(known.expiresAt, expiresAt))
        return
      }
      if state.sessions.count >= capacity { state.sessions = state.sessions.filter { $0.value.expiresAt > now } }
      if state.sessions.count < capacity { state.sessions[id] = (time, expiresAt) }
    }
  }

  public func lastSeen(sessions ids: [String]) async throws -> [String: Date] {
    let time = now()
    return state.withLock { state in
      var found: [String: Date] = [:]
      for id in ids {
        if let known = state.sessions[id], known.expiresAt > time { found[id] = known.time }
      }
      return found
    }
  }

  public func revoke(_ revocations: [Revocation]) async throws {
    let time = now()
    state.withLock { add(revocations, to: &$0, at: time) }
    list.insert(revocations, now: time)
  }

  public func revocations() async throws -> [Revocation] {
    let time = now()
    return state.withLock { state in
      state.revocations.filter { $0.value > time }.map { Revocation($0.key, expiresAt: $0.value) }
    }
  }

  public func verdict(
    tokenID: String, sessionID: String?, subject: String, epoch: Int64
  ) async throws -> RevocationList.Verdict {
    guard try await isSeeded() else { return .unknown }
    return list.verdict(tokenID: tokenID, sessionID: sessionID, subject: subject, epoch: epoch)
  }

  public func seed(_ revocations: [Revocation]) async throws {
    let time = now()
    state.withLock { state in
      add(revocations, to: &state, at: time)
      state.isSeeded = true
    }
    let asked = ContinuousClock.now
    list.insert(revocations, now: time)
    list.markComplete(asked: asked)
  }

  public func isSeeded() async throws -> Bool { state.withLock { $0.isSeeded } }

  private func add(_ revocations: [Revocation], to state: inout State, at time: Date) {
    for revocation in revocations where revocation.expiresAt > time {
      let known = state.revocations[revocation.target]
      state.revocations[revocation.target] = max(known ?? .distantPast, revocation.expiresAt)
    }
    guard state.revocations.count > state.nextSweep else { return }
    state.revocations = state.revocations.filter { $0.value > time }
    state.nextSweep = 2 * state.revocations.count + 4096
  }
}
