import Foundation
import GravityCache
import GravityContracts
import GravityData
import GravityEvents
import GravityService
import GravityTelemetry
import Patience
import ProductAPI
import ServiceLifecycle
import Synchronization
import Testbed
import Testing
@testable import ProductServer

@Suite struct CacheTests {
  private static func cached(_ database: DatabaseProducts, _ isReliable: @escaping @Sendable () -> Bool) throws
    -> (CachedProducts, Cache<UUID, Product>)
  {
    let metrics = PrometheusMetrics()
    // So long that no entry goes by its age while a test waits.
    var policy = CachedProducts.policy
    (policy.fresh, policy.stale) = (.seconds(7_200), .seconds(7_200))
    let products = try Cache<UUID, Product>(
      name: "product", policy: policy, metrics: metrics, logger: .silent)
    let slugs = try Cache<String, UUID>(
      name: "product_slug", policy: CachedProducts.slugPolicy, metrics: metrics, logger: .silent)
    return (CachedProducts(products: products, slugs: slugs, database: database, isReliable: isReliable), products)
  }

  @Test("behind the cache, whoever writes reads what they wrote", arguments: Engine.available)
  func ownWrites(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine, reader: { try Self.cached($0, { true }).0 }) { shop in
      let product = try await shop.shirt("A", more: ["slug": "one"])
      let bySlug = "/api/v1/products/by-slug/"
      func slug(_ slug: String) async throws -> Reply<Product> {
        try await shop.send(ProductAPI.productBySlug, bySlug + slug, token: nil)
      }
      for _ in 0..<3 {
        #expect(try await shop.get(product.id).value == product)
        #expect(try await slug("one").value == product)
      }
      let titled = try await shop.patch(product.id, ["title": "Other"]).value
      #expect(try await shop.get(product.id).value == titled)
      #expect(try await slug("one").value == titled)
      _ = try await shop.patch(product.id, ["slug": "two"])
      #expect(try await slug("one").status == 301)
      #expect(try await slug("two").status == 200)
      // Another product takes the slug that the cache knew as the first one's.
      let heir = try await shop.shirt("B", more: ["slug": "one"])
      #expect(try await slug("one").value.id == heir.id)
      let variants = shop.path(product.id, "/variants/\(product.variants[0].id.lowercased)")
      let priced = try await shop.send(ProductAPI.updateVariant, variants, ["price": ["amount": 1, "currency": "USD"]])
      #expect(try await shop.get(product.id).value == priced.value)
      _ = try await shop.send(ProductAPI.deleteProduct, shop.path(product.id))
      #expect(try await shop.get(product.id).status == 404)
      #expect(try await slug("two").status == 404)
      let restored = try await shop.send(ProductAPI.restoreProduct, shop.path(product.id, "/restore")).value
      #expect(try await shop.get(product.id).value == restored)
      _ = try await shop.patch(product.id, ["status": "archived"])
      #expect(try await shop.get(product.id).status == 404)
      #expect(try await shop.get(product.id, token: FakeVerifier.reader).status == 200)
    }
  }

  /// What one instance writes comes to another's cache over the broker, as it is wired.
  @Test("what another instance writes is heard of by events", arguments: Engine.available)
  func invalidated(_ engine: Engine) async throws {
    try await engine.withDatabase(DatabaseBroker.migrations) { queues in
      try await ProductFixture.run(on: engine) { shop in
        let broker = DatabaseBroker(database: queues, logger: .silent)
        let feed = Mutex<InvalidationFeed?>(nil)
        let (reader, cache) = try Self.cached(DatabaseProducts(database: shop.database)) {
          feed.withLock { $0?.isReliable ?? false }
        }
        let invalidations = InvalidationFeed(
          cache, rules: ProductFixture.cacheRules, broker: broker, logger: .silent)
        feed.withLock { $0 = invalidations }
        let relay = OutboxRelay(
          database: shop.database, broker: broker, logger: .silent, metrics: PrometheusMetrics())
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { do { try await invalidations.run() } catch is CancellationError {} }
          group.addTask { do { try await relay.run() } catch is CancellationError {} }
          group.addTask { do { try await broker.run() } catch is CancellationError {} }
          try await eventually("the feed begins") { invalidations.isReliable }
          let product = try await shop.shirt("A")
          #expect(try await reader.product(product.id) == product)
          let changed = try await shop.patch(product.id, ["title": "Else"]).value
          try await eventually("the change is heard of") { try await reader.product(product.id) == changed }
          _ = try await shop.send(ProductAPI.deleteProduct, shop.path(product.id))
          try await eventually("the deletion is heard of") { try await reader.product(product.id) == nil }
          let restored = try await shop.send(ProductAPI.restoreProduct, shop.path(product.id, "/restore")).value
          try await eventually("the return is heard of") { try await reader.product(product.id) == restored }
          group.cancelAll()
        }
      }
    }
  }

  @Test("while invalidations may be missed the database is read", arguments: Engine.available)
  func unreliable(_ engine: Engine) async throws {
    try await ProductFixture.run(on: engine) { shop in
      let isReliable = Atomic(true)
      let (reader, _) = try Self.cached(DatabaseProducts(database: shop.database)) {
        isReliable.load(ordering: .relaxed)
      }
      let product = try await shop.shirt("A", more: ["slug": "one"])
      #expect(try await reader.product(product.id) == product)
      #expect(try await reader.product(slug: "one") == product)
      let changed = try await shop.patch(product.id, ["title": "Else"]).value
      #expect(try await reader.product(product.id) == product, "nobody told this cache")
      isReliable.store(false, ordering: .relaxed)
      #expect(try await reader.product(product.id) == changed)
      #expect(try await reader.product(slug: "one") == changed)
    }
  }
}

extension ProductFixture {
  /// As the command wires them.
  static var cacheRules: [InvalidationFeed.Rule] {
    [ProductEvents.productUpdated, ProductEvents.productDeleted, ProductEvents.productRestored].map {
      .on($0) { ($0.productID.lowercased, $0.version) }
    }
  }
}
