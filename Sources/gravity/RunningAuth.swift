import GravityTelemetry
import GravityDiscovery
import Logging
import AuthAPI
import AuthServer
import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import GravityService
import ServiceLifecycle

/// Auth, prepared to serve: its database migrated, its keys and blacklist in place.
struct RunningAuth: Sendable {
  let service: AuthService
  let database: any Database
  let revocations: RevocationList
  let telemetry: ServiceTelemetry
  let administrator: FirstAdministrator?

  /// - Parameter makesSecrets: Whether an administrator without a given password gets one made up.
  init(_ ground: Ground, makesSecrets: Bool) async throws {
    telemetry = ground.telemetry("auth")
    let logger = telemetry.logger("auth")
    let name = Catalog.auth.database
    do {
      try await ground.databases.create(name)
    } catch let error as DatabaseError where !error.isTransient {
      // A role that may not create databases is no mistake: somebody else made it, or opening it will say.
      logger.info("cannot create \(name)", metadata: ["error.message": "\(error)"])
    }
    database = try ground.databases.open(name, telemetry)
    revocations = RevocationList(maximumAge: nil)
    do {
      _ = try await Migrator(database: database, logger: logger).run(AuthService.migrations)
      service = try await AuthService(
        database: database, masterKey: ground.masterKey, configuration: try Self.configuration(ground),
        notifier: FileNotifier(folder: ground.directory.mail),
        tokenStore: InMemoryTokenStore(list: revocations), revocations: revocations, logger: logger)
      try await service.prepare()
      let password = try ground.configuration.layers.optional(Settings.adminPassword)
      if password != nil || makesSecrets {
        administrator = try await service.bootstrapAdministrator(
          email: try ground.configuration.layers.optional(Settings.adminEmail), password: password)
      } else {
        administrator = nil
        logger.notice("GRAVITY_ADMIN_PASSWORD is not set, so no first administrator is made")
      }
    } catch let error as MigrationError {
      throw StartFailure(.software, "\(name): \(error.description)")
    } catch let error as AuthConfigurationError {
      throw StartFailure(.configuration, error.description)
    } catch let problem as Problem {
      let reasons = problem.errors?.map { "\($0.field) \($0.message)" }.joined(separator: "; ")
      throw StartFailure(.configuration, "the first administrator (GRAVITY_ADMIN_…): \(reasons ?? problem.title)")
    }
  }

  static func configuration(_ ground: Ground) throws -> AuthConfiguration {
    let layers = ground.configuration.layers
    var configuration = AuthConfiguration()
    configuration.issuer = try layers.value(Settings.issuer)
    configuration.passwordCost = try layers.value(Settings.bcryptCost)
    configuration.requiresEmailVerification = try layers.value(Settings.verifyEmail)
    configuration.accessTokenLifetime = try layers.value(Settings.accessTTL) / .seconds(1)
    return configuration
  }

  func server(_ ground: Ground, port: Int, _ listening: Listening) throws -> any Service {
    var settings = Routes.Settings(verifier: service.verifier)
    settings.trustedProxies = try ground.trustedProxies()
    let database = database
    return try HTTPServer(
      service: "auth", host: ground.configuration.host, port: port, version: Build.version,
      endpoints: AuthAPI.endpoints, responder: try service.responder(settings: settings, telemetry: telemetry.http),
      checks: [
        HealthCheck("database") {
          do {
            _ = try await database.rows("SELECT 1")
            return nil
          } catch { return "\(error)" }
        }
      ], registry: ground.registry, eventLoopGroup: ground.group, telemetry: telemetry
    ) { _ in listening.started("auth") }
  }
}

extension Ground {
  func trustedProxies() throws -> TrustedProxies {
    let text = try configuration.layers.value(Settings.trustedProxies)
    // Behind the gateway, whatever stands before it: the gateway itself is always believed.
    let gateways = ",127.0.0.0/8,::1/128"
    let own = TrustedProxies(configuration.host) == nil ? "" : ",\(configuration.host)"
    guard TrustedProxies(text) != nil, let proxies = TrustedProxies(text + gateways + own) else {
      throw StartFailure(
        .configuration, "GRAVITY_TRUSTED_PROXIES: \"\(text)\" is no list of CIDR blocks such as 10.0.0.0/8,::1/128")
    }
    return proxies
  }
}
