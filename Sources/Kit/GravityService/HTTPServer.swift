import Foundation
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
  private let responder: Operations<Responder>
  private let readiness: Readiness
  private let registry: any Registry
  private let eventLoopGroup: any EventLoopGroup
  private let telemetry: ServiceTelemetry
  private let onListening: @Sendable (Int) async -> Void

  /// - Parameters:
  ///   - port: 0 takes a free one.
  ///   - version: Of the build; stands in the OpenAPI document.
  ///   - onListening: Called with the port once it takes requests.
  public init(
    service: String, host: String, port: Int, version: String, endpoints: [any EndpointDescription],
    responder: Responder, checks: [HealthCheck], registry: any Registry, eventLoopGroup: any EventLoopGroup,
    telemetry: ServiceTelemetry, onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) throws {
    self.service = service
    self.host = host
    self.port = port
    self.registry = registry
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
    let id = "\(service)-\(UUID.v7().lowercased)"
    let (registry, readiness, onListening) = (registry, readiness, onListening)
    let (service, host) = (service, host)
    let application = Application(
      responder: responder,
      server: .http1(
        configuration: .init(
          // Also for a head that never ends.
          idleTimeout: .seconds(75))),
      configuration: .init(address: .hostname(host, port: port), serverName: nil, backlog: 1024),
      onServerRunning: { channel in
        let port = channel.localAddress?.port ?? 0
        // A wildcard is where it listens, not where it is reached.
        let reached = host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host
        do {
          try await registry.register(ServiceInstance(id: id, service: service, host: reached, port: port))
        } catch {
          logger.error("cannot register", metadata: ["error.message": "\(error)"])
        }
        readiness.set(true)
        await onListening(port)
      }, eventLoopGroupProvider: .shared(eventLoopGroup), logger: quiet)
    do {
      try await withGracefulShutdownHandler {
        try await application.run()
      } onGracefulShutdown: {
        readiness.set(false)
        Task { try? await registry.deregister(id: id) }
      }
    } catch let error where !readiness.hasBeenReady && !(error is CancellationError) {
      throw StartFailure(listeningOn: host, port: port, error)
    }
    try await registry.deregister(id: id)
  }
}
