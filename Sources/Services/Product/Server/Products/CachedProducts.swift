public import Foundation
public import GravityCache
public import ProductAPI

/// Products through this instance's memory and, where there is one, the instances' shared store.
public struct CachedProducts: ProductReader {
  /// A catalogue is read far more than it is written.
  public static let policy = CachePolicy(
    maximumBytes: 64 << 20, fresh: .seconds(60), stale: .seconds(300),
    // One that is not there yet may be made at any moment.
    negative: .zero)
  /// Which product a slug leads to. It needs no invalidation: what it says is compared with the product.
  public static let slugPolicy = CachePolicy(
    maximumBytes: 8 << 20, fresh: .seconds(300), stale: .seconds(900), negative: .zero)

  private let products: Cache<UUID, Product>
  private let slugs: Cache<String, UUID>
  private let database: DatabaseProducts
  private let isReliable: @Sendable () -> Bool

  /// - Parameter isReliable: False while invalidations may be missed; then the database is read.
  public init(
    products: Cache<UUID, Product>, slugs: Cache<String, UUID>, database: DatabaseProducts,
    isReliable: @escaping @Sendable () -> Bool
  ) {
    self.products = products
    self.slugs = slugs
    self.database = database
    self.isReliable = isReliable
  }

  public func product(_ id: UUID) async throws -> Product? {
    guard isReliable() else { return try await database.product(id) }
    return try await products.value(for: id) { [database] in
      try await database.product(id).map { Versioned($0, version: $0.version) }
    }
  }

  public func product(slug: String) async throws -> Product? {
    guard isReliable() else { return try await database.product(slug: slug) }
    let id = try await slugs.value(for: slug) { [database] in
      try await database.product(slug: slug).map { Versioned($0.id, version: 0) }
    }
    // The slug that a product has now is its own alone. Anything else may have changed hands since.
    if let id, let product = try await product(id), product.slug == slug { return product }
    return try await database.product(slug: slug)
  }

  public func changed(_ product: Product) async { await products.invalidate(product.id, version: product.version) }
}
