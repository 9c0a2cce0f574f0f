import AuthAPI
import AuthServer
import Foundation
import GravityContracts
import GravityDiscovery
import GravityHTTP
import GravityIdentity
import GravityService
import Logging
import NotificationAPI
import ServiceLifecycle
import UserAPI

/// Auth, prepared to serve: its keys and blacklist in place.
enum RunningAuth {
  static func start(_ ground: Ground, _ place: ServiceGround) async throws -> RunningService {
    let logger = place.telemetry.logger("auth")
    let revocations = RevocationList(maximumAge: nil)
    let layers = ground.configuration.layers
    let files = MailFiles(
      folder: ground.directory.mail, retention: try layers.value(Settings.authMailRetention) / .seconds(1))
    let mail = try await notifier(ground, place, files)
    do {
      let service = try await AuthService(
        database: place.database, masterKey: ground.masterKey, configuration: try configuration(layers),
        providers: try layers.optional(Settings.signInProviders).map {
          try SignInProviders($0).providers(logger: logger)
        }
          ?? [],
        notifier: mail.notifier, mailFiles: files,
        tokenStore: ground.redis?.tokens ?? InMemoryTokenStore(list: revocations), revocations: revocations,
        // Everything in this process asks the same list; announcing it to nobody would write to the disk all day.
        broker: ground.isHeard ? ground.broker : nil, logger: logger)
      try await service.prepare()
      var administrator: FirstAdministrator?
      let password = try layers.optional(Settings.adminPassword)
      if password != nil || ground.makesSecrets {
        administrator = try await service.bootstrapAdministrator(
          email: try layers.optional(Settings.adminEmail), password: password)
      } else {
        logger.notice("GRAVITY_ADMIN_PASSWORD is not set, so no first administrator is made")
      }
      var settings = Routes.Settings(verifier: service.verifier)
      settings.trustedProxies = try ground.trustedProxies()
      let responder = try service.responder(settings: settings, telemetry: place.telemetry.http)
      return RunningService(
        services: mail.followers + [
          ground.relay(place), place.consumer(ground, UserEvents.erasureRequested.family, service.userEvents),
          service.tasks, try ground.server(place, responder),
        ],
        verification: Verification(
          issuer: try layers.value(Settings.issuer), keys: service.keySource, revocations: revocations),
        administrator: administrator)
    } catch let error as AuthConfigurationError {
      throw StartFailure(.configuration, error.description)
    } catch let problem as Problem {
      let reasons = problem.errors?.map { "\($0.field) \($0.message)" }.joined(separator: "; ")
      throw StartFailure(.configuration, "the first administrator (GRAVITY_ADMIN_…): \(reasons ?? problem.title)")
    }
  }

  /// Who takes auth's own messages over, and what runs before that.
  private static func notifier(
    _ ground: Ground, _ place: ServiceGround, _ files: MailFiles
  ) async throws -> (notifier: any Notifier, followers: [any Service]) {
    let isBeside = ground.names.contains(NotificationAPI.service)
    switch try ground.configuration.layers.optional(Settings.authMail) ?? (isBeside ? .notification : .files) {
    case .files:
      if ground.isServing {
        place.telemetry.logger("auth").notice(
          "messages to people are written into files; GRAVITY_AUTH_MAIL=notification has them sent",
          metadata: ["file.path": "\(ground.directory.mail.relativePath)"])
      }
      return (FileNotifier(files), [])
    case .notification:
      let tokens = try await ground.credentials.tokens(of: place.entry.name)
      let called = CalledService(
        NotificationAPI.service, tokens, permissions: [RemoteNotifier.permission], on: ground)
      return (RemoteNotifier(notifications: called.client), [called.follower])
    }
  }

  static func configuration(_ layers: LayeredConfiguration) throws -> AuthConfiguration {
    var configuration = AuthConfiguration()
    configuration.issuer = try layers.value(Settings.issuer)
    configuration.passwordCost = try layers.value(Settings.bcryptCost)
    configuration.requiresEmailVerification = try layers.value(Settings.verifyEmail)
    configuration.supportContact = try layers.value(Settings.supportContact)
    configuration.displayName = try layers.value(Settings.siteName)
    configuration.stepUpMaximumAge = try layers.value(Settings.stepUpAge) / .seconds(1)
    configuration.passkeyDomain = try layers.optional(Settings.passkeyDomain)
    configuration.passkeyOrigins = try layers.optional(Settings.passkeyOrigins) ?? []
    configuration.accessTokenLifetime = try layers.value(Settings.accessTTL) / .seconds(1)
    return configuration
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
