/// Where a service's instances are.
///
/// Engines: ``InProcessRegistry`` for `gravity up`, ``StaticRegistry`` for addresses by configuration, ``DNSRegistry`` for
/// names that resolve to every instance, and Consul.
public protocol Registry: Sendable {
  /// Adds an instance, or replaces the one of the same id. One that was added stays so until it is taken out, even if
  /// the registry forgets it meanwhile.
  ///
  /// - Throws: When the registry did not take it, in time; it goes on trying by itself.
  func register(_ instance: ServiceInstance) async throws
  /// Takes an instance out; unknown ids are none of its business.
  func deregister(id: String) async throws
  /// The instances of `service` as soon as they are known, then again after each change. An element stands for the whole
  /// set. The last known set stays in force while the registry is away. Ends when the caller stops listening.
  func instances(of service: String) -> AsyncStream<[ServiceInstance]>
  /// How long after it was taken out others may still send requests to an instance: so long it goes on accepting.
  var departure: Duration { get }
}

extension Registry {
  /// Zero: others know at once.
  public var departure: Duration { .zero }
}

/// One process that serves a service.
public struct ServiceInstance: Sendable, Hashable, Codable {
  /// The same after a restart at the same address, so that the new one takes the old one's place.
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
  /// Whether it is reached over TLS only, as a gateway with a certificate is. Known where it registers: a registry that
  /// checks its health has to know; those who find it there may not.
  public var usesTLS: Bool
  /// Whether it is spoken to in HTTP/2 without TLS and without asking first (RFC 9113 §3.3), as gRPC is.
  public var speaksHTTP2: Bool

  public init(
    id: String, service: String, host: String, port: Int, version: String? = nil, zone: String? = nil,
    weight: Int = 100, usesTLS: Bool = false, speaksHTTP2: Bool = false
  ) {
    self.id = id
    self.service = service
    self.host = host
    self.port = port
    self.version = version
    self.zone = zone
    self.weight = weight
    self.usesTLS = usesTLS
    self.speaksHTTP2 = speaksHTTP2
  }

  /// `http://host:port`, or `https` over TLS; an IPv6 address in brackets.
  public var baseURL: String {
    "\(usesTLS ? "https" : "http")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }
}
