import Foundation
import Gateway
import GatewayAPI
import GatewayServer
import GravityIdentity
import GravityService
import NIOCore
import ServiceLifecycle

/// A gateway's administration, beside the gateway that leads to it.
struct RunningAdministration {
  let services: [any Service]
  /// What the gateway lets through to it.
  static let routes = Route.routes(for: GatewayAPI.service, endpoints: GatewayAPI.endpoints)

  /// - Parameters:
  ///   - host: What tells the gateway from others, with its port.
  ///   - origin: How its routes stand to where they come from.
  init(
    of gateway: Gateway, host: String, verifier: any TokenVerifier, _ neighbours: Neighbours,
    _ group: any EventLoopGroup, _ telemetry: ServiceTelemetry,
    origin: @escaping @Sendable () -> GatewayAdministration.Origin
  ) throws {
    let administration = GatewayAdministration(
      gateway, verifier: verifier, version: Build.version, origin: origin,
      id: { [gateway] in "\(host):\(await gateway.boundPort)" })
    services = [
      try HTTPServer(
        service: GatewayAPI.service, host: "127.0.0.1", port: 0, version: Build.version,
        endpoints: GatewayAPI.endpoints, responder: try administration.responder(telemetry: telemetry.http),
        checks: [], registry: neighbours.here, eventLoopGroup: group, telemetry: telemetry), administration.tasks,
    ]
  }
}
