import Synchronization

/// The registry of `gravity up`: everything is in this process.
public final class InProcessRegistry: Registry {
  private struct State {
    var instances: [String: ServiceInstance] = [:]
    var watchers: [Int: (service: String, continuation: AsyncStream<[ServiceInstance]>.Continuation)] = [:]
    var nextWatcher = 0

    func current(_ service: String) -> [ServiceInstance] {
      instances.values.filter { $0.service == service }.sorted { $0.id < $1.id }
    }
  }
  private let state = Mutex(State())

  public init() {}

  public func register(_ instance: ServiceInstance) {
    state.withLock { state in
      state.instances[instance.id] = instance
      Self.announce(instance.service, state)
    }
  }

  public func deregister(id: String) {
    state.withLock { state in
      guard let gone = state.instances.removeValue(forKey: id) else { return }
      Self.announce(gone.service, state)
    }
  }

  public func instances(of service: String) -> AsyncStream<[ServiceInstance]> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: [ServiceInstance].self, bufferingPolicy: .bufferingNewest(1))
    let id = state.withLock { state in
      state.nextWatcher += 1
      state.watchers[state.nextWatcher] = (service, continuation)
      continuation.yield(state.current(service))
      return state.nextWatcher
    }
    continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.watchers[id] = nil } }
    return stream
  }

  private static func announce(_ service: String, _ state: State) {
    let current = state.current(service)
    for watcher in state.watchers.values where watcher.service == service { watcher.continuation.yield(current) }
  }
}
