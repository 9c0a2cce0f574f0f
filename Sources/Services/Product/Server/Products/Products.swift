import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityIdentity
import ProductAPI

/// Products and their variants: who may see them, and how they change.
struct Products: Sendable {
  let core: ProductCore
  let reader: any ProductReader

  static func lockName(_ id: UUID) -> String { "product \(id.lowercased)" }

  // MARK: Reading

  func find(_ id: UUID, for principal: Principal?) async throws -> Product {
    guard let product = try await reader.product(id), product.isVisible(to: principal) else {
      throw Problem.notFound("product")
    }
    return product
  }

  /// The slug may be a former one of the product.
  func find(slug: String, for principal: Principal?) async throws -> Product {
    let kept = slug.precomposedStringWithCanonicalMapping
    guard kept.utf8.count <= Slug.greatestCount * 4, let product = try await reader.product(slug: kept),
      product.isVisible(to: principal)
    else { throw Problem.notFound("product") }
    return product
  }

  // MARK: Writing

  func create(_ request: NewProduct, once key: IdempotencyKey?) async throws -> Once<Product> {
    let id = core.newID()
    let change = ProductChange(ProductUpdate(request, id: id))
    return try await core.write(once: key) { [core] transaction, now in
      try core.save(change, to: .unborn(id, at: now), transaction, now)
    }
  }

  func update(_ request: ProductUpdate, _ precondition: Precondition) async throws -> Product {
    let change = ProductChange(request)
    return try await changed(request.id, precondition) { old, _ in change }
  }

  func add(
    _ request: VariantAddition, _ precondition: Precondition, once key: IdempotencyKey?
  ) async throws -> Once<Product> {
    var errors: [Problem.FieldError] = []
    let fields = VariantFields(checking: request.variant, &errors)
    let wrong = errors
    let saved = try await core.write(once: key, lock: Products.lockName(request.id)) { [core] transaction, now in
      let old = try Self.existing(request.id, transaction)
      try precondition.require(old.entityTag)
      let all = old.variants.map { VariantFields($0) } + [fields]
      var errors = wrong
      OptionRules.check(all, old.options, at: { $0 == old.variants.count ? "" : "variants.\($0)." }, &errors)
      guard errors.isEmpty else { throw Problem.invalid(errors) }
      var product = old
      product.variants.append(Variant(fields, nil, id: core.newID(), old.options, old.options))
      return try core.save(product, after: old, .keep, transaction, now)
    }
    await reader.changed(saved.value)
    return saved
  }

  func update(_ request: VariantUpdate, _ precondition: Precondition) async throws -> Product {
    let saved = try await core.write(lock: Products.lockName(request.id)) { [core] transaction, now in
      let old = try Self.existing(request.id, transaction)
      try precondition.require(old.entityTag)
      guard let index = old.variants.firstIndex(where: { $0.id == request.variantID }) else {
        throw Problem.notFound("variant")
      }
      let fields = try VariantFields(old.variants[index]).changed(by: request)
      var all = old.variants.map { VariantFields($0) }
      all[index] = fields
      var errors: [Problem.FieldError] = []
      OptionRules.check(all, old.options, at: { $0 == index ? "" : "variants.\($0)." }, &errors)
      guard errors.isEmpty else { throw Problem.invalid(errors) }
      var product = old
      product.variants[index] = Variant(
        fields, old.variants[index], id: request.variantID, old.options, old.options)
      return try core.save(product, after: old, .keep, transaction, now)
    }.value
    await reader.changed(saved)
    return saved
  }

  func delete(_ request: VariantID, _ precondition: Precondition) async throws -> Product {
    let saved = try await core.write(lock: Products.lockName(request.id)) { [core] transaction, now in
      let old = try Self.existing(request.id, transaction)
      try precondition.require(old.entityTag)
      guard old.variants.contains(where: { $0.id == request.variantID }) else { throw Problem.notFound("variant") }
      guard old.variants.count > 1 || old.status != .known(.published) else {
        throw Problem(
          409, "last_variant", "It is the last variant of a published product", detail: "Archive the product first.")
      }
      var product = old
      product.variants.removeAll { $0.id == request.variantID }
      return try core.save(product, after: old, .keep, transaction, now)
    }.value
    await reader.changed(saved)
    return saved
  }

  func delete(_ id: UUID, _ precondition: Precondition) async throws {
    let gone = try await core.write(lock: Products.lockName(id)) { [core] transaction, now in
      var product = try Self.existing(id, transaction)
      try precondition.require(product.entityTag)
      product.deletedAt = now
      product.updatedAt = now
      product.version += 1
      try ProductStore(transaction).update(product)
      try VariantStore(transaction).setLive(false, of: id)
      try SlugStore(transaction).release(of: id)
      try core.events.append(
        ProductEvents.productDeleted, subject: id.lowercased, ProductEvent(productID: id, version: product.version),
        in: transaction)
      return product
    }.value
    await reader.changed(gone)
  }

  /// Restoring what is not deleted changes nothing. A category that is gone is left.
  func restore(_ id: UUID) async throws -> Product {
    let product = try await core.write(lock: Products.lockName(id)) { [core] transaction, now in
      guard let old = try ProductStore(transaction).find(id) else { throw Problem.notFound("product") }
      guard old.deletedAt != nil else { return old }
      var product = old
      product.deletedAt = nil
      if let category = old.categoryID, try CategoryStore(transaction).find(category) == nil {
        product.categoryID = nil
      }
      let restored = try core.save(product, after: old, .given(old.slug), transaction, now)
      try VariantStore(transaction).setLive(true, of: id)
      return restored
    }.value
    await reader.changed(product)
    return product
  }

  private func changed(
    _ id: UUID, _ precondition: Precondition,
    _ change: @escaping @Sendable (Product, any Transaction) throws -> ProductChange
  ) async throws -> Product {
    let saved = try await core.write(lock: Products.lockName(id)) { [core] transaction, now in
      let old = try Self.existing(id, transaction)
      try precondition.require(old.entityTag)
      return try core.save(change(old, transaction), to: old, transaction, now)
    }.value
    await reader.changed(saved)
    return saved
  }

  /// A deleted one is as unknown as one that never was, but for restore.
  static func existing(_ id: UUID, _ transaction: any Transaction) throws -> Product {
    guard let product = try ProductStore(transaction).find(id), product.deletedAt == nil else {
      throw Problem.notFound("product")
    }
    return product
  }
}

extension Principal {
  /// Whether drafts and archived products are shown.
  var readsEveryProduct: Bool { may("products:read") || may("products:write") }
}

extension Product {
  func isVisible(to principal: Principal?) -> Bool {
    deletedAt == nil && (status == .known(.published) || principal?.readsEveryProduct == true)
  }
}
