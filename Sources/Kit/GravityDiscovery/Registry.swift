/// Where a service's instances are.
///
/// Engines: ``InProcessRegistry`` for `gravity up`, ``StaticRegistry`` for addresses by configuration.
public protocol Registry: Sendable {
  /// Adds an instance, or replaces the one of the same id.
  func register(_ instance: ServiceInstance) async throws
  /// Takes an instance out; unknown ids are none of its business.
  func deregister(id: String) async throws
  /// The instances of `service` now, then again after each change. An element stands for the whole set. The last
  /// known set stays in force while the registry is away. Ends when the caller stops listening.
  func instances(of service: String) -> AsyncStream<[ServiceInstance]>
}

/// One process that serves a service.
public struct ServiceInstance: Sendable, Hashable, Codable {
  public var id: String
  /// `auth`, `user`, …
  public var service: String
  /// An IP address or a name.
  public var host: String
  public var port: Int
  public var version: String?
  /// Where it runs; balancing may prefer its own zone.
  public var zone: String?
  /// Its share relative to others, 1 to 1 000.
  public var weight: Int

  public init(
    id: String, service: String, host: String, port: Int, version: String? = nil, zone: String? = nil, weight: Int = 100
  ) {
    self.id = id
    self.service = service
    self.host = host
    self.port = port
    self.version = version
    self.zone = zone
    self.weight = weight
  }

  /// `http://host:port`, an IPv6 address in brackets.
  public var baseURL: String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}
