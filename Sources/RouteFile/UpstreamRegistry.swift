public import GravityDiscovery
import Synchronization

/// The upstreams of a route file, behind the registry's port; other services are looked up elsewhere.
public final class UpstreamRegistry: Registry {
  private let instances: Mutex<[String: [ServiceInstance]]>
  private let elsewhere: any Registry

  /// - Parameter elsewhere: Asked about services that are none of a route file's, and told of those that register.
  public init(_ file: RouteFile, elsewhere: any Registry) {
    instances = Mutex(file.instances)
    self.elsewhere = elsewhere
  }

  /// Knows these besides, before a gateway looks for them.
  func add(_ file: RouteFile) { instances.withLock { $0.merge(file.instances) { _, new in new } } }

  /// Knows only these.
  func keep(_ file: RouteFile) { instances.withLock { $0 = file.instances } }

  /// As elsewhere: what is in a file does not leave.
  public var departure: Duration { elsewhere.departure }
  /// Elsewhere. Throws what is thrown there.
  public func register(_ instance: ServiceInstance) async throws { try await elsewhere.register(instance) }
  /// Elsewhere. Throws what is thrown there.
  public func deregister(id: String) async throws { try await elsewhere.deregister(id: id) }

  /// Those of the file, once and for all; else what is said elsewhere.
  public func instances(of service: String) -> AsyncStream<[ServiceInstance]> {
    guard let known = instances.withLock({ $0[service] }) else { return elsewhere.instances(of: service) }
    // What stands behind a name never changes; the stream stays open, for its end would mean that nobody knows.
    return AsyncStream { $0.yield(known) }
  }
}
