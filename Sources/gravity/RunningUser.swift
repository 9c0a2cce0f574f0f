import AuthAPI
import Foundation
import GravityCache
import GravityContracts
import GravityDiscovery
import GravityEvents
import GravityHTTP
import GravityIdentity
import GravityPersonalData
import GravityService
import GravityTelemetry
import NotificationAPI
import ServiceLifecycle
import UserAPI
import UserServer

/// The user service, prepared to serve.
enum RunningUser {
  static func start(_ ground: Ground, _ place: ServiceGround) async throws -> RunningService {
    let tokens = try await ground.credentials.tokens(of: place.entry.name)
    let auth = CalledService(AuthAPI.service, tokens, permissions: [RemoteAccountDirectory.permission], on: ground)
    let verifier = try await place.verifier(ground)
    let cache = try Cache<UUID, Profile>(
      name: "profile", policy: CachedProfiles.policy, store: ground.redis?.cache,
      metrics: place.telemetry.metrics, logger: place.telemetry.logger("cache"))
    place.telemetry.metrics.onScrape { cache.publish() }
    let invalidations = InvalidationFeed(
      cache,
      rules: [
        .on(UserEvents.userUpdated) { ($0.userID.lowercased, $0.version) }
      ], broker: ground.broker, logger: place.telemetry.logger("cache"))
    let reader = CachedProfiles(cache: cache, database: DatabaseProfiles(database: place.database)) {
      invalidations.isReliable && ground.hearsOthers
    }
    let notifications = CalledService(
      NotificationAPI.service, tokens, permissions: [RemoteUserNotifier.permission], on: ground)
    let configuration = try configuration(ground)
    let holders = configuration.erasureServices.map {
      ($0, CalledService($0, tokens, permissions: [], on: ground))
    }
    let service: UserService
    do {
      service = try UserService(
        database: place.database, verifier: verifier,
        directory: RemoteAccountDirectory(auth: auth.client), reader: reader,
        services: RemotePersonalDataServices(Dictionary(holders.map { ($0, $1.client) }) { first, _ in first }),
        signer: try await CertificateSigner(
          masterKey: ground.masterKey, issuer: try ground.configuration.layers.value(Settings.issuer)),
        pseudonyms: ConsentPseudonyms(ground.masterKey), masterKey: ground.masterKey,
        notifier: RemoteUserNotifier(notifications: notifications.client), publicAddress: try ground.publicAddress,
        configuration: configuration, isAlone: ground.isAlone,
        logger: place.telemetry.logger("user"),
        metrics: place.telemetry.metrics)
    } catch let error as UserConfigurationError {
      throw StartFailure(.configuration, error.description)
    }
    let consumer = EventConsumer(
      service: place.entry.name, family: AuthEvents.userRegistered.family,
      handlers: service.lifecycle.accountEvents,
      snapshot: EventSnapshot(service: AuthAPI.service) { cursor in
        try await auth.client(AuthAPI.snapshot, SnapshotQuery(limit: PageLimit.greatest, cursor: cursor))
      }, database: place.database, broker: ground.broker, logger: place.telemetry.logger("events"),
      metrics: place.telemetry.metrics)
    let responder = try service.responder(
      settings: try ground.routes(verifier), telemetry: place.telemetry.http)
    return RunningService(
      services: ground.secondTier(of: [cache], place.telemetry) + holders.map(\.1.follower) + [
        auth.follower, notifications.follower, ground.relay(place), consumer,
        place.consumer(ground, PersonalDataEvents.erasureAcknowledged.family, service.erasureEvents), invalidations,
        service.tasks,
        try ground.server(place, responder),
      ])
  }

  private static func configuration(_ ground: Ground) throws -> UserConfiguration {
    var configuration = UserConfiguration()
    let layers = ground.configuration.layers
    configuration.deletionGrace = try layers.value(Settings.deletionGrace) / .seconds(1)
    configuration.erasureServices =
      try layers.optional(Settings.erasureServices)
      ?? Catalog.services.filter(\.holdsPersonalData).map(\.name)
    configuration.erasureRetry = try layers.value(Settings.erasureRetry) / .seconds(1)
    configuration.erasureDeadline = try layers.value(Settings.erasureDeadline) / .seconds(1)
    configuration.stepUpMaximumAge = try layers.value(Settings.stepUpAge) / .seconds(1)
    return configuration
  }
}

/// Keeps a client's instances as the registry says.
struct FollowedInstances: Service {
  let instances: InstanceSet
  let registry: any Registry
  func run() async throws { await cancelWhenGracefulShutdown { await instances.follow(registry) } }
}
