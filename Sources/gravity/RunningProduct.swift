import Foundation
import GravityCache
import GravityContracts
import GravityEvents
import GravityHTTP
import GravityService
import GravityTelemetry
import InventoryAPI
import ProductAPI
import ProductServer
import ServiceLifecycle

/// The product service, prepared to serve.
enum RunningProduct {
  static func start(_ ground: Ground, _ place: ServiceGround) async throws -> RunningService {
    let verifier = try await place.verifier(ground)
    let products = try Cache<UUID, Product>(
      name: "product", policy: CachedProducts.policy, store: ground.redis?.cache,
      metrics: place.telemetry.metrics, logger: place.telemetry.logger("cache"))
    let slugs = try Cache<String, UUID>(
      name: "product_slug", policy: CachedProducts.slugPolicy, store: ground.redis?.cache,
      metrics: place.telemetry.metrics, logger: place.telemetry.logger("cache"))
    place.telemetry.metrics.onScrape {
      products.publish()
      slugs.publish()
    }
    let invalidations = InvalidationFeed(
      products,
      rules: [
        .on(ProductEvents.productUpdated) { ($0.productID.lowercased, $0.version) },
        .on(ProductEvents.productDeleted) { ($0.productID.lowercased, $0.version) },
        .on(ProductEvents.productRestored) { ($0.productID.lowercased, $0.version) },
      ], broker: ground.broker, logger: place.telemetry.logger("cache"))
    let reader = CachedProducts(
      products: products, slugs: slugs, database: DatabaseProducts(database: place.database)
    ) { invalidations.isReliable && ground.hearsOthers }
    let service = ProductService(
      database: place.database, verifier: verifier, reader: reader, logger: place.telemetry.logger("product"),
      metrics: place.telemetry.metrics)
    let consumer = place.consumer(ground, InventoryEvents.outOfStock.family, service.stockEvents)
    let responder = try service.responder(
      settings: try ground.routes(verifier), telemetry: place.telemetry.http)
    return RunningService(
      services: ground.secondTier(of: [products, slugs], place.telemetry) + [
        ground.relay(place), consumer, invalidations, service.tasks, try ground.server(place, responder),
      ])
  }
}
