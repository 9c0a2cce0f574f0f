import ConsulEngine
import GravityDiscovery
import GravityHTTP
import GravityService
import GravityTelemetry
import Logging
import RedisEngine
import ServiceLifecycle

/// What keeps the configuration up to date while the process runs, and what follows it.
enum RunningConfiguration {
  static func services(_ ground: Ground) throws -> [any Service] {
    var services: [any Service] = [LiveLogLevel(live: ground.live, threshold: ground.threshold)]
    if let file = ground.live.current.file { services.append(ConfigurationFileWatch(file, of: ground.live)) }
    if let consul = ground.consul {
      services.append(
        ConsulConfiguration(
          consul, prefix: try ground.configuration.layers.value(Settings.consulPrefix), settings: Settings.stored,
          live: ground.live, logger: ground.telemetry("gravity").logger("configuration")))
    }
    return services
  }
}

extension Ground {
  /// What is not as it should be, though the service works: shown by `/health` of each.
  var standing: [HealthCheck] {
    var checks = [
      HealthCheck("configuration", isCritical: false) { [live] in
        let reasons = live.refusals.map(\.reason)
        return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
      }
    ]
    if let consul {
      checks.append(HealthCheck("registry", isCritical: false) { consul.trouble?.description })
    }
    if let client = redis?.client {
      checks.append(HealthCheck("redis", isCritical: false) { client.trouble })
    }
    return checks
  }
}

/// Lets the loggers of the process follow GRAVITY_LOG_LEVEL.
private struct LiveLogLevel: Service {
  let live: LiveConfiguration
  let threshold: LogThreshold

  func run() async throws {
    await cancelWhenGracefulShutdown { await live.follow(Settings.logLevel) { threshold.level = $0 } }
  }
}
