import AuthAPI
import Foundation
import GravityContracts
import GravityDiscovery
import GravityEvents
import GravityHTTP
import GravityIdentity
import GravityService
import NotificationServer
import NIOPosix
import OrderAPI
import OutgoingHTTPEngine
import SMTPEngine
import ServiceLifecycle
import UserAPI

/// The notification service, prepared to serve.
enum RunningNotification {
  static func start(_ ground: Ground, _ place: ServiceGround) async throws -> RunningService {
    let verifier = try await place.verifier(ground)
    let tokens = try await ground.credentials.tokens(of: place.entry.name)
    let auth = CalledService(
      AuthAPI.service, tokens, permissions: [RemoteRecipientDirectory.accountPermission], on: ground)
    let users = CalledService(
      UserAPI.service, tokens, permissions: [], on: ground)
    let orders = CalledService(OrderAPI.service, tokens, permissions: [], on: ground)
    let (mail, configuration) = try transport(ground)
    let service: NotificationService
    do {
      service = try NotificationService(
        database: place.database, verifier: verifier,
        directory: RemoteRecipientDirectory(auth: auth.client, users: users.client),
        orders: RemoteOrderReader(orders: orders.client),
        mail: mail, providers: try providers(ground),
        outgoing: OutgoingClient(
          policy: configuration.webhookAddresses, group: MultiThreadedEventLoopGroup.singleton),
        envelope: Envelope(ground.masterKey),
        links: UnsubscribeLinks(masterKey: ground.masterKey, base: try ground.publicAddress),
        offered: Catalog.offeredToWebhooks,
        configuration: configuration,
        logger: place.telemetry.logger("notification"), metrics: place.telemetry.metrics)
    } catch let error as NotificationConfigurationError {
      throw StartFailure(.configuration, error.description)
    }
    let heard: [(String, [EventHandler])] = [
      (AuthEvents.userRegistered.family, service.events.ofUsers),
      (AuthEvents.passwordChanged.family, service.events.ofPasswords),
      (AuthEvents.tokenReuseDetected.family, service.events.ofTokens),
      (OrderEvents.orderConfirmed.family, service.events.ofOrders),
    ]
    let consumers: [any Service] = heard.map { place.consumer(ground, $0, $1) }
    let webhookEvents = service.webhookEvents(
      service.webhookHandlers.map { family, handlers in
        EventConsumer(
          service: "webhooks", family: family, handlers: handlers, database: place.database, broker: ground.broker,
          logger: place.telemetry.logger("events"), metrics: place.telemetry.metrics)
      })
    let responder = try service.responder(
      settings: try ground.routes(verifier), telemetry: place.telemetry.http)
    return RunningService(
      services: [auth.follower, users.follower, orders.follower, ground.relay(place)] + consumers
        + [mail as? any Service, webhookEvents, service.tasks].compactMap { $0 } + [try ground.server(place, responder)]
    )
  }

  /// Who sends text and push messages. An operator named them, so they may be in a private network.
  private static func providers(_ ground: Ground) throws -> MessageProviders {
    let layers = ground.configuration.layers
    let all =
      (try layers.optional(Settings.smsProviders) ?? []) + (try layers.optional(Settings.pushProviders) ?? [])
    return MessageProviders(
      all,
      http: OutgoingClient(
        policy: AddressPolicy(allowsPrivate: true), group: MultiThreadedEventLoopGroup.singleton))
  }

  /// The mail server, where one is named; else files.
  private static func transport(
    _ ground: Ground
  ) throws -> (any MailTransport, NotificationConfiguration) {
    let layers = ground.configuration.layers
    var configuration = NotificationConfiguration()
    configuration.senderAddress = try layers.value(Settings.mailFrom)
    configuration.siteName = try layers.value(Settings.siteName)
    configuration.accountsOpenVerified = try layers.value(Settings.verifyEmail)
    configuration.senderName = configuration.siteName
    if let channels = try layers.optional(Settings.notificationChannels) { configuration.channels = channels }
    configuration.webhookAddresses = AddressPolicy(allowsPrivate: try layers.value(Settings.privateWebhooks))
    guard let url = try layers.optional(Settings.smtpURL) else {
      // Where the folder of mail is somebody's own, they may read in the outbox what stands there, too.
      configuration.showsSecrets = ground.configuration.isLoopback && !ground.isServing
      return (DiskMailTransport(folder: ground.directory.mail.appending(path: "notifications")), configuration)
    }
    // A server may take its time, so an attempt takes fewer at a time; while it is at work it renews its lease.
    configuration.batch = 16
    configuration.lanes = 4
    do {
      return (try SMTPTransport(url: url, group: MultiThreadedEventLoopGroup.singleton), configuration)
    } catch { throw StartFailure(.configuration, error.description) }
  }
}
