import AuthServer
import GravityData
import GravityDiscovery
import GravityEvents
import GravityHTTP
import GravityIdentity
import GravityService
import GravityTelemetry
import Hummingbird
import ServiceLifecycle

/// A service that is ready to run.
struct RunningService: Sendable {
  /// In the order of their start; they are stopped in reverse.
  var services: [any Service]
  /// How others in the process verify tokens, when it is auth.
  var verification: Verification?
  var administrator: FirstAdministrator?
}

/// What one service of the process stands on.
struct ServiceGround: Sendable {
  let entry: CatalogEntry
  let database: any Database
  let telemetry: ServiceTelemetry
  /// nil for auth, which makes it.
  let verification: Verification?
  let port: Int
  let listening: Listening
}

extension Ground {
  /// Where people reach the platform, for links in mails; nil where nobody said.
  var publicAddress: String? {
    get throws {
      let issuer = try configuration.layers.value(Settings.issuer)
      return ["https://", "http://"].contains { issuer.lowercased().hasPrefix($0) } ? issuer : nil
    }
  }

  /// How the services of this process are known to others.
  var advertisement: Advertisement {
    get throws {
      var own = try configuration.advertisement
      // In `up` everything ends together, and there is nowhere else to go.
      if !isServing { own.departure = .zero }
      return own
    }
  }

  /// The HTTP side of a service.
  func server(_ service: ServiceGround, _ responder: some HTTPResponder<RequestScope>) throws -> any Service {
    let (name, listening, database) = (service.entry.name, service.listening, service.database)
    let server = try HTTPServer(
      service: name, host: configuration.host, port: service.port, version: Build.version,
      endpoints: service.entry.endpoints, responder: responder,
      checks: [
        HealthCheck("database") {
          do {
            _ = try await database.rows("SELECT 1")
            return nil
          } catch { return "\(error)" }
        }
      ] + standing, registry: registry, advertisement: try advertisement, eventLoopGroup: group,
      telemetry: service.telemetry
    ) { _ in listening.started(name) }
    guard let verification = service.verification else { return server }
    return CheckingServer(server: server, revocations: verification.revocations)
  }

  /// Publishes what the service records.
  func relay(_ service: ServiceGround) -> OutboxRelay {
    OutboxRelay(
      database: service.database, broker: broker, logger: service.telemetry.logger("outbox"),
      metrics: service.telemetry.metrics)
  }
}

extension ServiceGround {
  /// Checks the tokens of users and of services.
  func verifier(_ ground: Ground) async throws -> any TokenVerifier {
    guard let verification else { throw StartFailure(.software, "nothing verifies tokens") }
    return try await verification.usersAndServices(ground.masterKey, tokenStore: ground.redis?.tokens)
  }

  /// Hears what others tell of one family of events.
  func consumer(_ ground: Ground, _ family: String, _ handlers: [EventHandler]) -> EventConsumer {
    EventConsumer(
      service: entry.name, family: family, handlers: handlers, database: database, broker: ground.broker,
      logger: telemetry.logger("events"), metrics: telemetry.metrics)
  }
}

extension Ground {
  /// How routes check callers, and whom they believe.
  func routes(_ verifier: any TokenVerifier) throws -> Routes.Settings {
    var settings = Routes.Settings(verifier: verifier)
    settings.trustedProxies = try trustedProxies()
    return settings
  }
}

/// A server that listens once its process knows whom to refuse, so that whoever is sent to it is not told to come back;
/// with auth away, after five seconds all the same.
private struct CheckingServer: Service {
  let server: any Service
  let revocations: RevocationList

  func run() async throws {
    await cancelWhenGracefulShutdown {
      let end = ContinuousClock.now + .seconds(5)
      while revocations.verdict(tokenID: "", sessionID: nil, subject: "", epoch: 0) == .unknown,
        ContinuousClock.now < end, !Task.isCancelled
      {
        try? await Task.sleep(for: .milliseconds(5))
      }
    }
    if Task.isShuttingDownGracefully { return }
    try await server.run()
  }
}
