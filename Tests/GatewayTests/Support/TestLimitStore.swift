import GravityLimits
import Synchronization

/// A store of limits that has bad days.
final class TestLimitStore: LimitStore {
  enum Day: Sendable {
    case good
    case slow(Duration)
    case failing
    /// Takes what it is asked and does not answer before the day is another.
    case frozen
  }

  private struct State {
    var day = Day.good
    var inner = InMemoryLimitStore()
    var calls = 0
    var granted: [String: Int] = [:]
    var frozen: [Int: CheckedContinuation<Void, Never>] = [:]
    var cancelled: Set<Int> = []
    var nextFrozen = 0
  }
  private let state = Mutex(State())

  func take(_ claims: [LimitClaim]) async throws(LimitStoreError) -> [LimitGrant] {
    let (day, inner) = state.withLock { state in
      if !claims.contains(where: Self.isProbe) { state.calls += 1 }
      return (state.day, state.inner)
    }
    switch day {
    case .good: break
    case .slow(let time):
      do { try await Task.sleep(for: time) } catch { throw LimitStoreError("cancelled") }
    case .failing: throw LimitStoreError("on purpose")
    case .frozen:
      await thaw()
      if Task.isCancelled { throw LimitStoreError("cancelled") }
    }
    let grants = try await inner.take(claims)
    state.withLock { state in
      for (claim, grant) in zip(claims, grants) where !Self.isProbe(claim) {
        state.granted[claim.key, default: 0] += grant.taken
      }
    }
    return grants
  }

  private static func isProbe(_ claim: LimitClaim) -> Bool { claim.key == "gateway:probe" }

  private func thaw() async {
    let number = state.withLock { state in
      state.nextFrozen += 1
      return state.nextFrozen
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let goesOn = state.withLock { state in
          if case .frozen = state.day, !state.cancelled.contains(number) {
            state.frozen[number] = continuation
            return false
          }
          return true
        }
        if goesOn { continuation.resume() }
      }
    } onCancel: {
      state.withLock { state in
        state.cancelled.insert(number)
        return state.frozen.removeValue(forKey: number)
      }?.resume()
    }
  }

  func set(_ day: Day) {
    let waiting = state.withLock { state in
      state.day = day
      if case .frozen = day { return [CheckedContinuation<Void, Never>]() }
      defer { state.frozen = [:] }
      return Array(state.frozen.values)
    }
    for continuation in waiting { continuation.resume() }
  }

  /// Forgets everything, as a restart would.
  func lose() { state.withLock { $0.inner = InMemoryLimitStore() } }

  /// Calls but for probes.
  var calls: Int { state.withLock { $0.calls } }
  /// Requests granted in all, by bucket.
  var granted: [String: Int] { state.withLock { $0.granted } }
}
