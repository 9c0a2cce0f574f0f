import ConsulEngine
import GravityDiscovery
import GravityService

extension Platform {
  /// Where services are: in this process, in Consul, in DNS, or at addresses that somebody gave.
  func registry(_ consul: ConsulAgent?, _ telemetry: ServiceTelemetry) throws -> any Registry {
    guard isServing else { return InProcessRegistry() }
    let logger = telemetry.logger("registry")
    if let consul {
      guard try !configuration.isWildcard || configuration.layers.optional(Settings.advertiseHost) != nil else {
        throw StartFailure(
          .configuration,
          "GRAVITY_ADVERTISE_HOST is not set, and nobody can connect to \(configuration.host): set it to the address at which others reach this process"
        )
      }
      return ConsulRegistry(consul, logger: logger)
    }
    let places = Catalog.services.map { ($0.name, $0.port) }
    if let template = try configuration.layers.optional(Settings.dnsRegistry) {
      let ports = (places + [("gateway", Catalog.gatewayPort)]).map { ($0, configuration.port($1)) }
      return DNSRegistry(
        try DNSTemplate(template), ports: Dictionary(uniqueKeysWithValues: ports), logger: logger)
    }
    let standard = places.map { "\($0)=\(configuration.reachedHost):\(configuration.port($1))" }.joined(separator: ";")
    return try StaticRegistry(try configuration.layers.optional(Settings.staticRegistry) ?? standard)
  }
}
