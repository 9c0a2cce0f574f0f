import ConsulEngine
import GravityDiscovery
import GravityService
import NIOCore
import NIOPosix

/// Consul as the configuration names it.
enum RunningConsul {
  /// nil where none is named.
  static func settings(_ layers: LayeredConfiguration) throws -> ConsulSettings? {
    guard let text = try layers.optional(Settings.consulAddress) else { return nil }
    return ConsulSettings(
      address: try ConsulAddress(
        text, isSecure: try layers.value(Settings.consulTLS), token: try layers.optional(Settings.consulToken),
        certificates: try layers.optional(Settings.consulCertificates)))
  }

  /// Consul for as long as the process runs; nil where none is named.
  static func agent(
    _ layers: LayeredConfiguration, _ group: any EventLoopGroup, _ telemetry: ServiceTelemetry
  ) throws -> ConsulAgent? {
    guard let settings = try settings(layers) else { return nil }
    do {
      return try ConsulAgent(settings, eventLoopGroup: group, logger: telemetry.logger("consul"))
    } catch let error as ConsulError { throw StartFailure(.configuration, error.description) }
  }

  /// The layers with what stands in Consul, where one is named.
  ///
  /// - Throws: `StartFailure` when it cannot be asked: without it nobody knows what it would have said, a database's
  ///   address perhaps.
  static func adding(to layers: LayeredConfiguration) async throws -> LayeredConfiguration {
    guard let settings = try settings(layers) else { return layers }
    let prefix = try layers.value(Settings.consulPrefix)
    do {
      let (values, _) = try await ConsulAgent.with(
        settings, eventLoopGroup: MultiThreadedEventLoopGroup.singleton
      ) { try await ConsulConfiguration.values($0, prefix: prefix, settings: Settings.stored) }
      return layers.replacing(store: values, name: ConsulConfiguration.layerName(prefix: prefix))
    } catch let error as ConsulError {
      throw StartFailure(
        error.code == .denied ? .permission : .unavailable,
        "the settings in Consul cannot be read (CONSUL_HTTP_ADDR): \(error)")
    }
  }
}
