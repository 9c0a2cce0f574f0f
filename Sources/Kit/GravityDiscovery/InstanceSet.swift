import Synchronization

/// The instances of one service as the registry last said, taken in turn. One that could not be reached is left alone
/// for a while, longer each time, unless there is no other.
public final class InstanceSet: Sendable {
  /// After the first failure, and at most; it doubles in between.
  static let shortestAbsence: Duration = .seconds(1)
  static let longestAbsence: Duration = .seconds(30)

  public let service: String
  private struct Absence {
    var failures: Int
    var until: ContinuousClock.Instant
  }
  private struct State {
    var instances: [ServiceInstance] = []
    var turn = 0
    /// By the instance's id.
    var absences: [String: Absence] = [:]
  }
  private let state: Mutex<State>
  private let now: @Sendable () -> ContinuousClock.Instant

  public init(
    service: String, _ instances: [ServiceInstance] = [],
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.service = service
    self.now = now
    state = Mutex(State(instances: instances))
  }

  /// Follows the registry until the task is cancelled. A set that became empty is kept: its last instances may answer.
  public func follow(_ registry: any Registry) async {
    for await instances in registry.instances(of: service) where !instances.isEmpty {
      state.withLock { state in
        state.instances = instances
        let ids = Set(instances.map(\.id))
        state.absences = state.absences.filter { ids.contains($0.key) }
      }
    }
  }

  /// The next in turn.
  /// - Parameter tried: Ids of instances that are not wanted again.
  /// - Returns: nil when there is none besides.
  public func next(excluding tried: Set<String> = []) -> ServiceInstance? {
    let time = now()
    return state.withLock { state in
      var absent: ServiceInstance?
      for step in 1...max(1, state.instances.count) where !state.instances.isEmpty {
        let place = (state.turn + step) % state.instances.count
        let candidate = state.instances[place]
        if tried.contains(candidate.id) { continue }
        if let absence = state.absences[candidate.id], absence.until > time {
          absent = absent ?? candidate
          continue
        }
        state.turn = place
        return candidate
      }
      return absent
    }
  }

  /// The instance answered, whatever it said.
  func answered(_ instance: ServiceInstance) {
    state.withLock { state in
      if !state.absences.isEmpty { state.absences[instance.id] = nil }
    }
  }

  /// The instance could not be reached, or did not answer.
  func failed(_ instance: ServiceInstance) {
    let time = now()
    state.withLock { state in
      let failures = (state.absences[instance.id]?.failures ?? 0) + 1
      let absence = min(Self.shortestAbsence * (1 << min(failures - 1, 10)), Self.longestAbsence)
      state.absences[instance.id] = Absence(failures: failures, until: time + absence)
    }
  }
}
