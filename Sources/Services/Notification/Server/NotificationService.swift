public import Foundation
public import GravityContracts
public import GravityData
import GravityEvents
public import GravityHTTP
public import GravityIdentity
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
  let verifier: any TokenVerifier
  let notifications: Notifications
  let book: TemplateBook
  let sending: DeliveryRun
  let channels: [any Channel]
  let worker: TaskWorker

  /// - Parameters:
  ///   - verifier: Checks users' and services' tokens.
  ///   - directory: Where recipients are known: ``RemoteRecipientDirectory``.
  ///   - orders: Where orders are known: ``RemoteOrderReader``.
  ///   - mail: What takes mails over: ``DiskMailTransport`` where there is no mail server.
  ///   - others: Channels besides e-mail.
  ///   - chance: 0 to 1, for jitter.
  /// - Throws: ``NotificationConfigurationError``.
  public init(
    database: any Database, verifier: any TokenVerifier, directory: any RecipientDirectory, orders: any OrderReader,
    mail: any MailTransport, others: [any Channel] = [], configuration: NotificationConfiguration = .init(),
    logger: Logger, metrics: any MetricsFactory = MetricsSystem.factory, clock: ServiceClock = .system,
    newID: @escaping @Sendable () -> UUID = { UUID.v7() },
    chance: @escaping @Sendable () -> Double = { .random(in: 0...1) }
  ) throws {
    try configuration.validate()
    guard let writer = MailWriter(configuration) else {
      throw NotificationConfigurationError(description: "sender address: must be an e-mail address")
    }
    let core = NotificationCore(
      database: database, configuration: configuration, clock: clock, newID: newID,
      events: Outbox(service: NotificationAPI.service), logger: logger)
    let library = try TemplateLibrary(logger: logger)
    let intake = Intake(core: core)
    self.core = core
    self.verifier = verifier
    channels = [EmailChannel(writer: writer, transport: mail)] + others
    events = ConsumedEvents(intake: intake, erasure: Erasure(core: core))
    notifications = Notifications(core: core, library: library, intake: intake)
    book = TemplateBook(core: core, library: library)
    sending = DeliveryRun(
      core: core, library: library,
      composer: Composer(configuration: configuration, directory: directory, orders: orders),
      channels: Dictionary(channels.map { ($0.kind, $0) }, uniquingKeysWith: { first, _ in first }),
      metrics: DeliveryMetrics(metrics), chance: chance)
    worker = try NotificationTasks.worker(core, channels, metrics: metrics)
  }

  /// Sends what is due, deletes what expired. Ends on graceful shutdown.
  public var tasks: any Service {
    NotificationTasks(core: core, sending: DeliveryWorker(run: sending), worker: worker)
  }

  /// What serves ``NotificationAPI/endpoints``.
  /// - Throws: ``UndeclaredRoutes``.
  public func responder(
    settings: Routes.Settings? = nil, telemetry: HTTPTelemetry
  ) throws -> some HTTPResponder<RequestScope> {
    var routes = Routes(settings ?? Routes.Settings(verifier: verifier))
    bind(to: &routes)
    return try routes.build(declared: NotificationAPI.endpoints, telemetry: telemetry)
  }
}
