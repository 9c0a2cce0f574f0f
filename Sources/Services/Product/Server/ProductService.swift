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
import ProductAPI
public import ServiceLifecycle

/// The product service, put together. It is ready as soon as product_db is migrated: serve
/// ``responder(settings:telemetry:)`` and run ``tasks``.
public struct ProductService: Sendable {
  /// What ``Migrator`` brings product_db to.
  public static var migrations: [Migration] { ProductSchema.migrations }

  let core: ProductCore
  let worker: TaskWorker
  let verifier: any TokenVerifier
  let products: Products
  let listing: ProductListing
  let pricing: Pricing
  let productSnapshot: ProductSnapshot
  let categories: CategoryTree
  let collections: Collections
  let imports: Imports
  let export: Export

  /// - Parameters:
  ///   - verifier: Checks users' and services' tokens.
  ///   - reader: A cache before ``DatabaseProducts``; the database itself when it is not given.
  public init(
    database: any Database, verifier: any TokenVerifier, reader: (any ProductReader)? = nil, logger: Logger,
    metrics: any MetricsFactory = MetricsSystem.factory, clock: ServiceClock = .system,
    newID: @escaping @Sendable () -> UUID = { UUID.v7() }
  ) {
    let core = ProductCore(
      database: database, clock: clock, newID: newID, events: Outbox(service: ProductAPI.service, newID: newID),
      logger: logger)
    let reader = reader ?? DatabaseProducts(database: database)
    self.core = core
    self.verifier = verifier
    products = Products(core: core, reader: reader)
    listing = ProductListing(core: core)
    pricing = Pricing(core: core)
    productSnapshot = ProductSnapshot(core: core)
    categories = CategoryTree(core: core)
    collections = Collections(core: core)
    imports = Imports(core: core)
    export = Export(core: core)
    worker = TaskWorker(database: database, name: "product", logger: logger, metrics: metrics)
    let task = ImportTask(core: core, reader: reader)
    // One at a time: an import takes as much of the database as it gets.
    worker.handle(ImportTask.type, concurrency: 1) { payload, context in try await task.run(payload.id, context) }
  }

  /// Does imports, deletes what expired. Ends on graceful shutdown.
  public var tasks: any Service { ProductTasks(core: core, imports: imports, worker: worker) }

  /// What serves ``ProductAPI/endpoints``.
  /// - Throws: ``UndeclaredRoutes``.
  public func responder(
    settings: Routes.Settings? = nil, telemetry: HTTPTelemetry
  ) throws -> some HTTPResponder<RequestScope> {
    var routes = Routes(settings ?? Routes.Settings(verifier: verifier))
    bind(to: &routes)
    return try routes.build(declared: ProductAPI.endpoints, telemetry: telemetry)
  }
}
