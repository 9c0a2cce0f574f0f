import Console
import GravityDiscovery
import GravityHTTP
import GravityService
import ServiceLifecycle

/// What stands beside a gateway in its process: on free ports of loopback, of which only that gateway knows.
struct Neighbours: Sendable {
  let here = InProcessRegistry()

  /// What the gateway asks: its neighbours are here, everything else where `elsewhere` says.
  func registry(_ names: Set<String>, elsewhere: any Registry) -> any Registry {
    NeighbourRegistry(neighbours: names, here: here, elsewhere: elsewhere)
  }
}

/// The console, beside the gateway that shows it.
struct RunningConsole {
  let service: any Service

  init(_ ground: Ground, _ neighbours: Neighbours) throws {
    service = try HTTPServer(
      service: ConsoleAPI.service, host: "127.0.0.1", port: 0, version: Build.version, endpoints: [],
      responder: ConsoleResponder(), checks: ground.standing, registry: neighbours.here, eventLoopGroup: ground.group,
      telemetry: ground.telemetry(ConsoleAPI.service))
  }
}

/// A registry that finds some services in its own process, and the others through another registry.
private struct NeighbourRegistry: Registry {
  let neighbours: Set<String>
  let here: InProcessRegistry
  let elsewhere: any Registry

  var departure: Duration { elsewhere.departure }
  func register(_ instance: ServiceInstance) async throws { try await elsewhere.register(instance) }
  func deregister(id: String) async throws { try await elsewhere.deregister(id: id) }

  func instances(of service: String) -> AsyncStream<[ServiceInstance]> {
    neighbours.contains(service) ? here.instances(of: service) : elsewhere.instances(of: service)
  }
}
