import Console
import GravityHTTP
import GravityService
import ServiceLifecycle

/// The console, beside the gateway that shows it.
enum RunningConsole {
  static func service(_ ground: Ground, port: Int) throws -> any Service {
    try HTTPServer(
      service: ConsoleAPI.service, host: ground.configuration.host, port: port, version: Build.version, endpoints: [],
      responder: ConsoleResponder(), checks: [], registry: ground.registry, eventLoopGroup: ground.group,
      telemetry: ground.telemetry(ConsoleAPI.service))
  }
}
