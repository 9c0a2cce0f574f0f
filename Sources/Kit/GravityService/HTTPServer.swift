public import GravityContracts
public import GravityDiscovery
public import GravityHTTP
public import Hummingbird
import Logging
public import NIOCore
public import ServiceLifecycle

/// One service's HTTP side: listens, registers its address, and on shutdown leaves the registry before it drains.
public struct HTTPServer<Responder: HTTPResponder<RequestScope>>: Service {
  private let service: String
  private let host: String
  private let port: Int
  private let version: String
  private let responder: Operations<Responder>
  private let readiness: Readiness
  private let registry: any Registry
  private let advertisement: Advertisement
  private let eventLoopGroup: any EventLoopGroup
  private let telemetry: ServiceTelemetry
  private let onListening: @Sendable (Int) async -> Void

  /// - Parameters:
  ///   - port: 0 takes a free one.
  ///   - version: Of the build; stands in the OpenAPI document and in the registry.
  ///   - advertisement: How others reach it.
  ///   - onListening: Called with the port once it takes requests.
  public init(
    service: String, host: String, port: Int, version: String, endpoints: [any EndpointDescription],
    responder: Responder, checks: [HealthCheck], registry: any Registry, advertisement: Advertisement = .init(),
    eventLoopGroup: any EventLoopGroup, telemetry: ServiceTelemetry,
    onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) throws {
    self.service = service
    self.host = host
    self.port = port
    self.version = version
    self.registry = registry
    self.advertisement = advertisement
    self.eventLoopGroup = eventLoopGroup
    self.telemetry = telemetry
    self.onListening = onListening
    readiness = Readiness()
    self.responder = Operations(
      responder, readiness: readiness, checks: checks, metrics: telemetry.metrics,
      openAPI: try OpenAPI(title: "Gravity \(service)", version: version, endpoints: endpoints).encoded())
  }

  public func run() async throws {
    let logger = telemetry.logger(service)
    // What it has to say of a start that failed, we say in one line; requests are logged by the pipeline.
    var quiet = logger
    quiet.logLevel = .critical
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let application = Application(
      responder: responder,
      server: .http1(
        configuration: .init(
          // Also for a head that never ends.
          idleTimeout: .seconds(75))),
      configuration: .init(address: .hostname(host, port: port), serverName: nil, backlog: 1024),
      onServerRunning: { channel in
        continuation.yield(channel.localAddress?.port ?? 0)
        continuation.finish()
      }, eventLoopGroupProvider: .shared(eventLoopGroup), logger: quiet)
    let presence = Presence(
      of: service, version: version, host: host, advertisement, in: registry,
      setReady: { [readiness] in readiness.set($0) }, logger: logger, port: { await ports.first { _ in true } },
      onListening: onListening)
    do {
      // The last is asked first to end, and the others only once it has: it leaves the registry while requests of those
      // that do not know yet are still taken.
      try await ServiceGroup(services: [application, presence], logger: quiet).run()
    } catch let error where !readiness.hasBeenReady && !(error is CancellationError) {
      throw StartFailure(listeningOn: host, port: port, error)
    }
  }
}
