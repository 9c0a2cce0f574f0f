import Synchronization

/// The sets that a registry knows and who listens for them: what the registries that ask somebody else have in common.
///
/// Several listeners of one service share one watch, and the last set is there at once for whoever comes later.
package final class InstanceBoard: Sendable {
  private struct State {
    var sets: [String: [ServiceInstance]] = [:]
    var wanted: Set<String> = []
    var listeners: [Int: (service: String, continuation: AsyncStream<[ServiceInstance]>.Continuation)] = [:]
    var next = 0
  }
  private let state = Mutex(State())
  /// Each service that somebody listens for, once: to be watched from then on. For one reader.
  package let wanted: AsyncStream<String>
  private let wantedContinuation: AsyncStream<String>.Continuation

  // The names come from the program, which has a dozen.
  package init() { (wanted, wantedContinuation) = AsyncStream.makeStream(of: String.self) }

  package func instances(of service: String) -> AsyncStream<[ServiceInstance]> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: [ServiceInstance].self, bufferingPolicy: .bufferingNewest(1))
    let (id, isNew) = state.withLock { state in
      state.next += 1
      state.listeners[state.next] = (service, continuation)
      if let set = state.sets[service] { continuation.yield(set) }
      return (state.next, state.wanted.insert(service).inserted)
    }
    if isNew { wantedContinuation.yield(service) }
    continuation.onTermination = { [weak self] _ in _ = self?.state.withLock { $0.listeners.removeValue(forKey: id) } }
    return stream
  }

  /// Tells everybody who listens, if it is another set than before.
  package func publish(_ set: [ServiceInstance], of service: String) {
    state.withLock { state in
      guard state.sets[service] != set else { return }
      state.sets[service] = set
      for listener in state.listeners.values where listener.service == service { listener.continuation.yield(set) }
    }
  }
}
