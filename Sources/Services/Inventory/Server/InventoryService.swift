public import Foundation
public import GravityContracts
public import GravityData
import GravityEvents
public import GravityHTTP
public import GravityIdentity
public import Hummingbird
package import InventoryAPI
public import Logging
public import Metrics
public import ServiceLifecycle

/// The inventory service, put together. It is ready as soon as inventory_db is migrated: serve
/// ``responder(settings:telemetry:)`` and run ``tasks``.
public struct InventoryService: Sendable {
  /// What ``Migrator`` brings inventory_db to.
  public static var migrations: [Migration] { InventorySchema.migrations }

  let core: InventoryCore
  let verifier: any TokenVerifier
  let items: Items
  let locations: Locations
  let reservations: Reservations

  /// - Parameter verifier: Checks the tokens of users and of services.
  /// - Throws: ``InventoryConfigurationError``.
  public init(
    database: any Database, verifier: any TokenVerifier, configuration: InventoryConfiguration = .init(),
    logger: Logger, metrics: any MetricsFactory = MetricsSystem.factory, clock: ServiceClock = .system,
    newID: @escaping @Sendable () -> UUID = { UUID.v7() }
  ) throws {
    try configuration.validate()
    let core = InventoryCore(
      database: database, configuration: configuration, clock: clock, newID: newID,
      events: Outbox(service: InventoryAPI.service, newID: newID), logger: logger)
    let writer = StockWriter(core, metrics: metrics)
    self.core = core
    self.verifier = verifier
    items = Items(core: core, writer: writer)
    locations = Locations(core: core)
    reservations = Reservations(core: core, writer: writer)
  }

  /// Tells of reservations that have expired, deletes old idempotency keys. Ends on graceful shutdown.
  public var tasks: any Service { InventoryTasks(core: core, reservations: reservations) }

  /// Without HTTP, for benchmarks.
  package func reserve(_ request: NewStockReservation) async throws -> StockReservation {
    try await reservations.create(request, once: nil).value
  }
  package func receive(_ sku: String, _ quantity: Int64) async throws {
    let adjustment = StockAdjustment(sku: sku, delta: quantity, reason: .received)
    _ = try await items.adjust(adjustment, once: nil)
  }

  /// What serves ``InventoryAPI/endpoints``.
  /// - Throws: ``UndeclaredRoutes``.
  public func responder(
    settings: Routes.Settings? = nil, telemetry: HTTPTelemetry
  ) throws -> some HTTPResponder<RequestScope> {
    var routes = Routes(settings ?? Routes.Settings(verifier: verifier))
    bind(to: &routes)
    return try routes.build(declared: InventoryAPI.endpoints, telemetry: telemetry)
  }
}
