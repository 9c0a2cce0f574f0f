import AsyncHTTPClient
import GravityDiscovery
import GravityService
import GravityTelemetry
import Logging
import ServiceLifecycle

/// Traces of this process: what is kept of them, and where they are sent.
enum RunningTraces {
  static func system(_ layers: LayeredConfiguration, isShared: Bool) throws -> TracingSystem {
    var environment: [String: String] = [:]
    for setting in Settings.traces { environment[setting.environmentName] = try layers.optional(setting) }
    do throws(TraceSettingsError) {
      return TracingSystem(try TraceSettings(environment: environment), version: Build.version, isShared: isShared)
    } catch {
      throw StartFailure(.configuration, error.description)
    }
  }

  /// What sends them, where somebody wants them.
  static func export(_ ground: Ground) -> [any Service] {
    export(ground.tracing, ground.http, ground.telemetry("gravity"))
  }

  static func export(
    _ tracing: TracingSystem, _ http: HTTPClient, _ telemetry: ServiceTelemetry
  ) -> [any Service] {
    let logger = telemetry.logger("traces")
    for name in tracing.settings.ignored {
      logger.warning("this setting means nothing here", metadata: ["name": "\(name)"])
    }
    guard let export = tracing.settings.export else { return [] }
    let transport = OTLPTransport(http: http, export: export)
    return [
      SpanExport(SpanExporter(tracing, transport: transport, logger: logger, metrics: telemetry.metrics))
    ]
  }
}
