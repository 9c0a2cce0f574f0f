public import Foundation
public import GravityData
public import ProductAPI

/// Where products are read: the database, or a cache before it. Whoever asks decides who may see them.
public protocol ProductReader: Sendable {
  /// The product in its latest version, or one that was the latest a moment ago; nil when there is none or it is
  /// deleted.
  func product(_ id: UUID) async throws -> Product?

  /// The same by a slug that it has, or had until another product took it.
  func product(slug: String) async throws -> Product?

  /// The product has just been written by this instance: whoever reads it here from now on gets this or a later one.
  func changed(_ product: Product) async
}

extension ProductReader {
  public func changed(_ product: Product) async {}
}

/// Reads product_db.
public struct DatabaseProducts: ProductReader {
  private let database: any Database

  public init(database: any Database) { self.database = database }

  public func product(_ id: UUID) async throws -> Product? {
    try await one("SELECT document FROM products WHERE id = \(id) AND shelf <> 'deleted'")
  }

  public func product(slug: String) async throws -> Product? {
    try await one(
      """
      SELECT products.document FROM slugs JOIN products ON products.id = slugs.product_id
      WHERE slugs.slug = \(slug) AND products.shelf <> 'deleted'
      """)
  }

  /// One statement is a round trip; a transaction around it would be three.
  private func one(_ sql: SQL) async throws -> Product? {
    try await database.first(sql, as: ProductDocument.self)?.product
  }
}
