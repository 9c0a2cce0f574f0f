import GravityDiscovery
import NIOCore
import Synchronization

/// An instance of a service, as all event loops know it.
final class UpstreamInstance: Sendable {
  let instance: ServiceInstance
  /// nil where the host is a name, which is looked up at each connection.
  let address: SocketAddress?
  let breaker: CircuitBreaker
  private let healthy = Atomic(true)

  init(_ instance: ServiceInstance, _ settings: BreakerSettings) {
    self.instance = instance
    address = try? SocketAddress(ipAddress: instance.host, port: instance.port)
    breaker = CircuitBreaker(settings)
  }

  /// What the last look at its health said; true before the first.
  var isHealthy: Bool { healthy.load(ordering: .relaxed) }

  /// What a look at its health says.
  func noteHealth(_ isUp: Bool, now: Int64) {
    let wasUp = healthy.exchange(isUp, ordering: .relaxed)
    if isUp, !wasUp { breaker.instanceCameBack(now: now) }
  }
}

/// The services that routes name, and where their instances are.
final class UpstreamDirectory: Sendable {
  /// Sorted; a service's place here is its index.
  let services: [String]
  private let settings: BreakerSettings
  private let instances: Mutex<[[UpstreamInstance]]>

  init(services: some Sequence<String>, _ settings: BreakerSettings) {
    self.services = Set(services).sorted()
    self.settings = settings
    instances = Mutex(Array(repeating: [], count: self.services.count))
  }

  func index(of service: String) -> Int? { services.firstIndex(of: service) }

  func instances(of service: Int) -> [UpstreamInstance] { instances.withLock { $0[service] } }

  /// Takes a new set; instances that stay where they were keep their breaker and health.
  func update(_ service: Int, _ set: [ServiceInstance]) -> [UpstreamInstance] {
    instances.withLock { instances in
      let known = instances[service]
      instances[service] = set.map { instance in
        known.first { $0.instance == instance } ?? UpstreamInstance(instance, settings)
      }
      return instances[service]
    }
  }
}
