import GravityLimits
import NIOCore
import Synchronization

/// What the store said of a request that waited for it.
package enum ClaimOutcome: Sendable, Equatable {
  case decided(RateLimiter.Decision)
  /// It did not answer in time.
  case unanswered
}

/// What the store is to be asked about one caller, and who waits for it.
struct PendingClaim: Sendable {
  /// The place in the ``LeaseTable``.
  let key: UInt64
  /// What the store calls the bucket.
  let name: String
  let terms: LeaseTerms
  /// Requests besides those that wait.
  var besides: Int
  var waiting: [EventLoopPromise<ClaimOutcome>]

  var claim: LimitClaim { LimitClaim(key: name, limit: terms.shared, wanted: max(1, besides + waiting.count)) }
}

/// Claims that wait for the next call of the store: one for each caller, however many requests it is that wait.
final class ClaimQueue: Sendable {
  private struct State {
    var claims: [UInt64: PendingClaim] = [:]
    /// In the order of their coming.
    var order: [UInt64] = []
    var waiting = 0
    var isOpen = true
  }
  private let state = Mutex(State())
  private let maximumWaiting: Int
  /// Has something for whoever takes batches.
  let wakes: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation

  /// - Parameter maximumWaiting: Requests; also callers.
  init(maximumWaiting: Int) {
    self.maximumWaiting = maximumWaiting
    (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// Adds to what the store is asked next.
  ///
  /// - Returns: false when too many wait already, or the queue is closed; `waiting` is told nothing then.
  func add(
    _ key: UInt64, _ terms: LeaseTerms, besides: Int, waiting: EventLoopPromise<ClaimOutcome>?,
    name: () -> String
  ) -> Bool {
    let isTaken = state.withLock { state in
      guard state.isOpen, state.waiting < maximumWaiting else { return false }
      if state.claims[key] == nil {
        guard state.order.count < maximumWaiting else { return false }
        state.claims[key] = PendingClaim(key: key, name: name(), terms: terms, besides: 0, waiting: [])
        state.order.append(key)
      }
      state.claims[key]!.besides = max(state.claims[key]!.besides, besides)
      if let waiting {
        state.claims[key]!.waiting.append(waiting)
        state.waiting += 1
      }
      return true
    }
    if isTaken { wake.yield() }
    return isTaken
  }

  /// Says that there may be something to do.
  func nudge() { wake.yield() }

  /// The first `count` claims.
  func take(_ count: Int) -> [PendingClaim] {
    state.withLock { state in
      let keys = state.order.prefix(count)
      let claims = keys.compactMap { state.claims.removeValue(forKey: $0) }
      state.order.removeFirst(keys.count)
      state.waiting -= claims.reduce(0) { $0 + $1.waiting.count }
      return claims
    }
  }

  /// Takes no more.
  func close() {
    state.withLock { $0.isOpen = false }
    wake.finish()
  }
}
