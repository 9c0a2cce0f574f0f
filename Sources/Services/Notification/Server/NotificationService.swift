public import Foundation
public import GravityContracts
public import GravityData
public import GravityEvents
public import GravityHTTP
public import GravityIdentity
import GravityPersonalData
import GravityTasks
public import Hummingbird
public import Logging
public import Metrics
import NotificationAPI
public import ServiceLifecycle

/// The notification service, put together. It is ready as soon as notif_db is migrated: serve
/// ``responder(settings:telemetry:)``, run ``tasks``, and an event consumer for each family of ``events``.
public struct NotificationService: Sendable {
  /// What ``Migrator`` brings notif_db to.
  public static var migrations: [Migration] { NotificationSchema.migrations }

  /// What is done about events of other services.
  public let events: ConsumedEvents

  let core: NotificationCore
  let erasure: Erasure
  let verifier: any TokenVerifier
  let notifications: Notifications
  let book: TemplateBook
  let sending: DeliveryRun
  let channels: [any Channel]
  let worker: TaskWorker
  let webhooks: Webhooks
  let webhookRun: WebhookRun
  let webhookIntake: WebhookIntake
  let unsubscriptions: Unsubscriptions
  let streams: InboxStreams
  let statuses: ProviderStatuses

  /// - Parameters:
  ///   - verifier: Checks users' and services' tokens.
  ///   - directory: Where recipients are known: ``RemoteRecipientDirectory``.
  ///   - orders: Where orders are known: ``RemoteOrderReader``.
  ///   - mail: What takes mails over: ``DiskMailTransport`` where there is no mail server.
  ///   - providers: What sends text and push messages; nil where nothing does.
  ///   - outgoing: What webhooks are sent with.
  ///   - envelope: Seals webhooks' secrets.
  ///   - links: How recipients unsubscribe.
  ///   - offered: The events that webhooks may be told of.
  ///   - chance: 0 to 1, for jitter.
  ///   - pause: Waits until leases are renewed.
  /// - Throws: ``NotificationConfigurationError``.
  public init(
    database: any Database, verifier: any TokenVerifier, directory: any RecipientDirectory, orders: any OrderReader,
    mail: any MailTransport, providers: MessageProviders? = nil, outgoing: any OutgoingHTTP, envelope: Envelope,
    links: UnsubscribeLinks, offered: [any EventDescription], configuration: NotificationConfiguration = .init(),
    logger: Logger, metrics: any MetricsFactory = MetricsSystem.factory, clock: ServiceClock = .system,
    newID: @escaping @Sendable () -> UUID = { UUID.v7() },
    chance: @escaping @Sendable () -> Double = { .random(in: 0...1) },
    pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) throws {
    try configuration.validate()
    guard let writer = MailWriter(configuration) else {
      throw NotificationConfigurationError(description: "sender address: must be an e-mail address")
    }
    let core = NotificationCore(
      database: database, configuration: configuration, clock: clock, newID: newID,
      events: Outbox(service: NotificationAPI.service), logger: logger)
    let library = try TemplateLibrary(platform: links.base, logger: logger)
    let channels = Self.channels(core, EmailChannel(writer: writer, transport: mail), providers)
    let intake = Intake(core: core, library: library, available: Set(channels.map(\.kind)))
    self.core = core
    self.verifier = verifier
    self.channels = channels
    erasure = Erasure(core: core, library: library)
    events = ConsumedEvents(intake: intake, erasure: erasure)
    book = TemplateBook(core: core, library: library)
    sending = DeliveryRun(
      core: core, library: library,
      composer: Composer(
        configuration: configuration, directory: directory, orders: orders, links: links,
        devices: { users in
          let rows = try await core.read { transaction, _ in try DeviceStore(transaction).list(of: users) }
          return Dictionary(grouping: rows, by: \.userID).mapValues { $0.map(\.target) }
        }),
      channels: Dictionary(channels.map { ($0.kind, $0) }, uniquingKeysWith: { first, _ in first }),
      metrics: DeliveryMetrics(metrics), chance: chance, pause: pause)
    notifications = Notifications(core: core, library: library, intake: intake, sending: sending)
    streams = InboxStreams(core: core, hub: InboxHub(core))
    statuses = ProviderStatuses(core: core, providers: providers?.all ?? [])
    webhookIntake = WebhookIntake(core: core, offered: offered)
    webhooks = Webhooks(
      core: core, envelope: envelope,
      fields: WebhookFields(policy: configuration.webhookAddresses, offered: offered.map(\.name)),
      intake: webhookIntake)
    webhookRun = WebhookRun(core: core, envelope: envelope, http: outgoing, intake: intake, chance: chance)
    unsubscriptions = Unsubscriptions(core: core, links: links)
    worker = try NotificationTasks.worker(core, erasure, channels, directory, metrics: metrics)
  }

  /// Sends what is due, deletes what expired. Ends on graceful shutdown.
  public var tasks: any Service {
    NotificationTasks(
      core: core, sending: DeliveryWorker(run: sending), webhooks: WebhookWorker(run: webhookRun), worker: worker,
      inboxes: streams.hub)
  }

  private static func channels(
    _ core: NotificationCore, _ email: EmailChannel, _ providers: MessageProviders?
  ) -> [any Channel] {
    var channels: [any Channel] = [email, InboxChannel(core: core)]
    guard let providers else { return channels }
    for kind in [DeliveryChannel.sms, .push] {
      let own = providers.all.filter { $0.channel == kind }
      guard !own.isEmpty else { continue }
      let chain = ProviderChain(own, http: providers.http, now: core.clock.now)
      channels.append(ProviderChannel(kind: kind, chain: chain, core: core))
    }
    return channels
  }

  /// The handlers of the consumers that take events in for webhooks; see ``webhookEvents(_:)``.
  public var webhookHandlers: [(family: String, handlers: [EventHandler])] { webhookIntake.handlers }

  /// Runs the consumers of ``webhookHandlers`` from the first webhook on. Ends on graceful shutdown.
  public func webhookEvents(_ consumers: [any Service]) -> any Service {
    WebhookConsumption(core: core, consumers: consumers)
  }

  /// What serves ``NotificationAPI/endpoints``.
  /// - Throws: ``UndeclaredRoutes``.
  public func responder(
    settings: Routes.Settings? = nil, telemetry: HTTPTelemetry
  ) throws -> some HTTPResponder<RequestScope> {
    var routes = Routes(settings ?? Routes.Settings(verifier: verifier))
    bind(to: &routes)
    return try routes.build(
      declared: NotificationAPI.endpoints + PersonalDataAPI.endpoints(of: NotificationAPI.service),
      telemetry: telemetry)
  }
}
