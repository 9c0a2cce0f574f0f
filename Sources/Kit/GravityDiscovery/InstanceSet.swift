import Synchronization

/// The instances of one service as the registry last said, taken in turn.
public final class InstanceSet: Sendable {
  public let service: String
  private struct State {
    var instances: [ServiceInstance] = []
    var turn = 0
  }
  private let state: Mutex<State>

  public init(service: String, _ instances: [ServiceInstance] = []) {
    self.service = service
    state = Mutex(State(instances: instances))
  }

  /// Follows the registry until the task is cancelled. A set that became empty is kept: its last instances may answer.
  public func follow(_ registry: any Registry) async {
    for await instances in registry.instances(of: service) where !instances.isEmpty {
      state.withLock { $0.instances = instances }
    }
  }

  public func next() -> ServiceInstance? {
    state.withLock { state in
      guard !state.instances.isEmpty else { return nil }
      state.turn = (state.turn + 1) % state.instances.count
      return state.instances[state.turn]
    }
  }
}
