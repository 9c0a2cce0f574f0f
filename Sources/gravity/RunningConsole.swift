import Console
import GravityDiscovery
import GravityHTTP
import GravityService
import ServiceLifecycle

/// The console, beside the gateway that shows it: on a free port of loopback, of which only that gateway knows.
struct RunningConsole {
  let service: any Service
  /// What the gateway asks: the console is here, everything else where `ground` says.
  let registry: any Registry

  init(_ ground: Ground) throws {
    let here = InProcessRegistry()
    service = try HTTPServer(
      service: ConsoleAPI.service, host: "127.0.0.1", port: 0, version: Build.version, endpoints: [],
      responder: ConsoleResponder(), checks: ground.standing, registry: here, eventLoopGroup: ground.group,
      telemetry: ground.telemetry(ConsoleAPI.service))
    registry = NeighbourRegistry(neighbour: ConsoleAPI.service, here: here, elsewhere: ground.registry)
  }
}

/// A registry that finds one service in its own process, and the others through another registry.
private struct NeighbourRegistry: Registry {
  let neighbour: String
  let here: InProcessRegistry
  let elsewhere: any Registry

  var departure: Duration { elsewhere.departure }
  func register(_ instance: ServiceInstance) async throws { try await elsewhere.register(instance) }
  func deregister(id: String) async throws { try await elsewhere.deregister(id: id) }

  func instances(of service: String) -> AsyncStream<[ServiceInstance]> {
    service == neighbour ? here.instances(of: service) : elsewhere.instances(of: service)
  }
}
