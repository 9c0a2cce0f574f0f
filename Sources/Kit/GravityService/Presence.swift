public import GravityDiscovery
public import Logging
public import ServiceLifecycle

/// How a service's instance is known to others.
public struct Advertisement: Sendable {
  /// Where others reach it; nil is where it listens.
  public var host: String?
  public var zone: String?
  /// 1 to 1 000.
  public var weight: Int
  /// How long it goes on accepting after it said that it leaves, at least: those who ask now and then whether it is ready
  /// have to ask once more. A registry that needs longer has it longer.
  public var departure: Duration

  public init(host: String? = nil, zone: String? = nil, weight: Int = 100, departure: Duration = .zero) {
    self.host = host
    self.zone = zone
    self.weight = weight
    self.departure = departure
  }

  /// One address has one instance: what starts there takes the place of what was killed there.
  func instance(
    of service: String, version: String, host listening: String, port: Int, usesTLS: Bool = false
  ) -> ServiceInstance {
    // A wildcard is where it listens, not where it is reached.
    let reached = host ?? (listening == "0.0.0.0" || listening == "::" ? "127.0.0.1" : listening)
    return ServiceInstance(
      id: "\(service)-\(reached)-\(port)", service: service, host: reached, port: port, version: version, zone: zone,
      weight: weight, usesTLS: usesTLS)
  }
}

/// A server's place in the registry: taken when it listens, given up before it stops.
///
/// It stands behind the server in a `ServiceGroup`, which asks the last first to end and the others only once it has: so
/// requests of those that do not know yet are still taken.
public struct Presence: Service {
  private let registry: any Registry
  private let setReady: @Sendable (Bool) -> Void
  private let departure: Duration
  private let logger: Logger
  private let port: @Sendable () async -> Int?
  private let instance: @Sendable (Int) -> ServiceInstance
  private let onListening: @Sendable (Int) async -> Void

  /// - Parameters:
  ///   - host: Where it listens.
  ///   - usesTLS: Whether it speaks TLS only there.
  ///   - setReady: Tells the server what to say to those who ask whether it is ready.
  ///   - port: Returns once the server listens; nil when that never comes to be. Gives way when it is cancelled.
  ///   - onListening: Called with the port once it is registered.
  public init(
    of service: String, version: String, host: String, usesTLS: Bool = false, _ advertisement: Advertisement,
    in registry: any Registry,
    setReady: @escaping @Sendable (Bool) -> Void, logger: Logger, port: @escaping @Sendable () async -> Int?,
    onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) {
    self.registry = registry
    self.setReady = setReady
    departure = max(registry.departure, advertisement.departure)
    self.logger = logger
    self.port = port
    self.onListening = onListening
    instance = {
      advertisement.instance(of: service, version: version, host: host, port: $0, usesTLS: usesTLS)
    }
  }

  public func run() async throws {
    let bound = await cancelWhenGracefulShutdown { await port() }
    guard let bound, !Task.isShuttingDownGracefully else {
      // Not before the server, whose error says why: a service that ends by itself is one, too.
      try? await gracefulShutdown()
      return
    }
    let instance = instance(bound)
    // Before it registers: whoever hears of it may look at once.
    setReady(true)
    do { try await registry.register(instance) } catch {
      logger.error("cannot register; it is tried again", metadata: ["error.message": "\(error)"])
    }
    await onListening(bound)
    // Ends with an error when the task is cancelled, which asks for the same.
    try? await gracefulShutdown()
    setReady(false)
    await leave(instance)
  }

  private func leave(_ instance: ServiceInstance) async {
    // Also when this task is cancelled, which would break the call off: others should not go on trying.
    let outcome = await Task { [registry] in try await registry.deregister(id: instance.id) }.result
    if case .failure(let error) = outcome {
      logger.warning("cannot deregister", metadata: ["error.message": "\(error)"])
    }
    try? await Task.sleep(for: departure)
  }
}
