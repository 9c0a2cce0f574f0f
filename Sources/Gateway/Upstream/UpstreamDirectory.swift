import GravityDiscovery
import Synchronization

/// The services that routes name, and where their instances are.
final class UpstreamDirectory: Sendable {
  /// Sorted; a service's place here is its index.
  let services: [String]
  private let settings: BreakerSettings
  private let balancing: BalancingSettings
  private let instances: Mutex<[[UpstreamInstance]]>

  init(
    services: some Sequence<String>, _ settings: BreakerSettings, _ balancing: BalancingSettings = .init()
  ) {
    self.services = Set(services).sorted()
    self.settings = settings
    self.balancing = balancing
    instances = Mutex(Array(repeating: [], count: self.services.count))
  }

  func index(of service: String) -> Int? { services.firstIndex(of: service) }

  func instances(of service: Int) -> [UpstreamInstance] { instances.withLock { $0[service] } }

  /// Takes a new set; instances that stay where they were keep their breakers and health. One that joins others that
  /// stay starts slowly.
  func update(_ service: Int, _ set: [ServiceInstance], now: Int64) -> [UpstreamInstance] {
    instances.withLock { instances in
      let known = instances[service]
      func isKnown(_ instance: ServiceInstance) -> Bool {
        known.contains {
          $0.instance.id == instance.id && $0.instance.host == instance.host && $0.instance.port == instance.port
        }
      }
      let joinsOthers = set.contains(where: isKnown)
      instances[service] = set.map { instance in
        if let same = known.first(where: { $0.instance == instance }) { return same }
        let new = UpstreamInstance(instance, settings, balancing)
        if joinsOthers, !isKnown(instance) { new.startSlowly(now: now) }
        return new
      }
      return instances[service]
    }
  }
}
