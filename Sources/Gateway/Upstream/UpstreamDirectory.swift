import GravityDiscovery
import Synchronization

/// The services that routes name, and where their instances are.
final class UpstreamDirectory: Sendable {
  private struct Entry {
    /// Tells it from a former one of the same service.
    var number: Int
    var health: ServiceHealth
    var instances: [UpstreamInstance] = []
  }
  private struct State {
    var entries: [String: Entry] = [:]
    var last = 0
  }
  private let settings: BreakerSettings
  private let balancing: BalancingSettings
  private let state = Mutex(State())

  init(_ settings: BreakerSettings, _ balancing: BalancingSettings = .init()) {
    self.settings = settings
    self.balancing = balancing
  }

  /// A service as it is now.
  struct Listing: Sendable {
    var service: String
    var health: ServiceHealth
    var instances: [UpstreamInstance]
  }

  /// Every service, by name.
  var listings: [Listing] {
    state.withLock(\.entries).map { Listing(service: $0, health: $1.health, instances: $1.instances) }
      .sorted { $0.service < $1.service }
  }

  func instances(of service: String) -> [UpstreamInstance] {
    state.withLock { $0.entries[service]?.instances ?? [] }
  }

  /// - Returns: What ``update(_:_:_:now:)`` is to be told.
  func add(_ service: String, _ health: ServiceHealth) -> Int {
    state.withLock { state in
      state.last += 1
      state.entries[service] = Entry(number: state.last, health: health)
      return state.last
    }
  }

  func remove(_ service: String) { _ = state.withLock { $0.entries.removeValue(forKey: service) } }

  func look(at service: String, _ health: ServiceHealth) {
    state.withLock { $0.entries[service]?.health = health }
  }

  /// Takes a new set; instances that stay where they were keep their breakers, health and connections,
  /// whatever weight, zone or version the registry gives them now. One that joins others that stay starts slowly.
  ///
  /// - Parameter now: Nanoseconds of the monotonic clock.
  /// - Returns: false when the entry of that number is gone.
  func update(_ service: String, _ number: Int, _ set: [ServiceInstance], now: Int64) -> Bool {
    state.withLock { state in
      guard let entry = state.entries[service], entry.number == number else { return false }
      let known = entry.instances
      func same(_ instance: ServiceInstance) -> UpstreamInstance? { known.first { $0.isSame(as: instance) } }
      let joinsOthers = set.contains { same($0) != nil }
      state.entries[service]?.instances = set.map { instance in
        if let same = same(instance) {
          same.note(instance)
          return same
        }
        let new = UpstreamInstance(instance, settings, balancing)
        if joinsOthers { new.startSlowly(now: now) }
        return new
      }
      return true
    }
  }
}
