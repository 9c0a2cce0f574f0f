public import Foundation
public import GravityContracts
public import GravityData
public import GravityEvents
public import GravityHTTP
public import GravityIdentity
import GravityPersonalData
import GravitySaga
public import Hummingbird
public import Logging
public import Metrics
import OrderAPI
public import ServiceLifecycle

/// The order service, put together. It is ready as soon as order_db is migrated: serve
/// ``responder(settings:telemetry:)`` and run ``tasks``.
public struct OrderService: Sendable {
  /// What ``Migrator`` brings order_db to.
  public static var migrations: [Migration] { OrderSchema.migrations }

  let core: OrderCore
  let verifier: any TokenVerifier
  let runner: SagaRunner
  let placements: Placements
  let carts: Carts
  let desk: OrderDesk
  let table: OrderCSV
  let sagaDesk: SagaDesk

  /// - Parameters:
  ///   - verifier: Checks users' and services' tokens.
  ///   - catalogue: Where prices are known: ``RemoteCatalogue``.
  ///   - stock: ``RemoteStockKeeper``.
  ///   - cashier: ``RemoteCashier``.
  ///   - isAlone: Whether no other process has this database, so that what a process that died was doing is gone on
  ///     with at once.
  /// - Throws: ``OrderConfigurationError``.
  public init(
    database: any Database, verifier: any TokenVerifier, catalogue: any Catalogue, stock: any StockKeeper,
    cashier: any Cashier, configuration: OrderConfiguration = .init(), isAlone: Bool = false, logger: Logger,
    metrics: any MetricsFactory = MetricsSystem.factory, newID: @escaping @Sendable () -> UUID = { UUID.v7() }
  ) throws {
    try configuration.validate()
    let outbox = Outbox(service: OrderAPI.service, newID: newID)
    let sagas = SagaStore(database)
    let core = OrderCore(
      database: database, configuration: configuration, catalogue: catalogue, sagas: sagas, newID: newID,
      events: outbox, logger: logger)
    let orders = SettledOrders(events: outbox)
    let placement = PlacementSaga.make(orders, stock: stock, cashier: cashier, configuration: configuration)
    let cancellation = CancellationSaga.make(orders, stock: stock, cashier: cashier)
    self.core = core
    self.verifier = verifier
    var running = SagaRunner.Configuration()
    running.isAlone = isAlone
    runner = SagaRunner(
      sagas, of: [AnySaga(placement), AnySaga(cancellation)], configuration: running, logger: logger, metrics: metrics)
    placements = Placements(core: core, saga: placement)
    carts = Carts(core: core, placements: placements)
    desk = OrderDesk(core: core, cancellation: cancellation)
    table = OrderCSV(core: core)
    sagaDesk = SagaDesk(core: core)
  }

  /// Drives sagas; throws away carts and idempotency keys that are old enough. Ends on graceful shutdown.
  public var tasks: any Service { OrderTasks(core: core, runner: runner) }

  /// What the service does when payments move: the saga that waits for one looks at it.
  public var paymentEvents: [EventHandler] { PaymentsHeard(core: core).handlers }
  /// The same of refunds.
  public var refundEvents: [EventHandler] { PaymentsHeard(core: core).refundHandlers }

  /// What serves ``OrderAPI/endpoints``.
  /// - Throws: ``UndeclaredRoutes``.
  public func responder(
    settings: Routes.Settings? = nil, telemetry: HTTPTelemetry
  ) throws -> some HTTPResponder<RequestScope> {
    var routes = Routes(settings ?? Routes.Settings(verifier: verifier))
    bind(to: &routes)
    return try routes.build(
      declared: OrderAPI.endpoints + PersonalDataAPI.endpoints(of: OrderAPI.service), telemetry: telemetry)
  }
}
