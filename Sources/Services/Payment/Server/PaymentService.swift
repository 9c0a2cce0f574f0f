public import Foundation
public import GravityContracts
public import GravityData
import GravityEvents
public import GravityHTTP
public import GravityIdentity
import GravityPersonalData
import GravityTasks
public import Hummingbird
public import Logging
public import Metrics
import PaymentAPI
public import ServiceLifecycle

/// The payment service, put together. It is ready as soon as payment_db is migrated: serve
/// ``responder(settings:telemetry:)`` and run ``tasks``.
public struct PaymentService: Sendable {
  /// What ``Migrator`` brings payment_db to.
  public static var migrations: [Migration] { PaymentSchema.migrations }

  /// Finds out what became of lost answers; ``tasks`` does so by itself.
  public let reconciler: Reconciler
  /// For whoever takes what providers tell by themselves.
  public let webhooks: Webhooks

  let core: PaymentCore
  let worker: TaskWorker
  let verifier: any TokenVerifier
  let payments: Payments
  let cancellations: Cancellations
  let actions: NextActions
  let refunds: Refunds
  let reader: PaymentReader
  let ledger: LedgerBook
  let expiry: Expiry
  let statement: SimulatorStatement

  /// - Parameters:
  ///   - verifier: Checks users' and services' tokens.
  ///   - provider: Whom money is asked of; ``Simulator`` on the same database when it is not given.
  /// - Throws: ``PaymentConfigurationError``.
  public init(
    database: any Database, verifier: any TokenVerifier, provider: (any PaymentProvider)? = nil,
    configuration: PaymentConfiguration = .init(), logger: Logger,
    metrics: any MetricsFactory = MetricsSystem.factory, clock: ServiceClock = .system,
    newID: @escaping @Sendable () -> UUID = { UUID.v7() }
  ) throws {
    try configuration.validate()
    let core = PaymentCore(
      database: database, provider: provider ?? Simulator(database: database, clock: clock),
      configuration: configuration, clock: clock, newID: newID,
      events: Outbox(service: PaymentAPI.service, newID: newID), logger: logger)
    let recorder = Recorder(core: core)
    let calls = ProviderCalls(core: core, recorder: recorder)
    let reconciler = Reconciler(core: core, calls: calls, recorder: recorder)
    let payments = Payments(core: core, calls: calls, reconciler: reconciler)
    let expiry = Expiry(core: core, calls: calls)
    self.core = core
    self.verifier = verifier
    self.reconciler = reconciler
    self.payments = payments
    self.expiry = expiry
    webhooks = Webhooks(reconciler: reconciler)
    worker = try ReconciliationSchedule.worker(reconciler, expiry, metrics: metrics)
    cancellations = Cancellations(payments: payments)
    actions = NextActions(payments: payments)
    refunds = Refunds(core: core, calls: calls, reconciler: reconciler)
    reader = PaymentReader(core: core)
    ledger = LedgerBook(core: core)
    statement = SimulatorStatement(database: database, clock: clock)
  }

  /// Finds out what became of lost answers, ends what expires, deletes what is old. Ends on graceful shutdown.
  public var tasks: any Service { PaymentTasks(core: core, worker: worker, reconciler: reconciler) }

  /// What serves ``PaymentAPI/endpoints``.
  /// - Throws: ``UndeclaredRoutes``.
  public func responder(
    settings: Routes.Settings? = nil, telemetry: HTTPTelemetry
  ) throws -> some HTTPResponder<RequestScope> {
    var routes = Routes(settings ?? Routes.Settings(verifier: verifier))
    bind(to: &routes)
    return try routes.build(
      declared: PaymentAPI.endpoints + PersonalDataAPI.endpoints(of: PaymentAPI.service), telemetry: telemetry)
  }
}
