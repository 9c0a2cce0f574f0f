import Foundation
import GravityContracts
import GravityData
import GravityEvents
import ProductAPI

extension ProductCore {
  /// Applies the change to the product and writes it with everything that hangs on it.
  ///
  /// - Parameter old: the product as it is, or ``ProductAPI/Product/unborn(_:at:)``.
  /// - Returns: the product as it is afterwards; `old` when nothing changed.
  /// - Throws: `Problem` 422, 409.
  func save(
    _ change: ProductChange, to old: Product, _ transaction: any Transaction, _ now: Date
  ) throws -> Product {
    let product = try change.applied(to: old, newID: newID)
    if let category = product.categoryID, category != old.categoryID {
      guard try CategoryStore(transaction).find(category) != nil else {
        throw Problem.invalid("category_id", "unknown", "is no category")
      }
    }
    let wish: SlugWish = change.slug == .keep && old.version == 0 ? .made : change.slug
    return try save(product, after: old, wish, transaction, now)
  }

  /// Writes `product` as the next version after `old`.
  /// - Throws: `Problem` 409 when a key is taken.
  func save(
    _ wanted: Product, after old: Product, _ slug: SlugWish, _ transaction: any Transaction, _ now: Date
  ) throws -> Product {
    var product = wanted
    try requireFreeKeys(product, after: old, transaction)
    product.slug = try claimed(slug, for: product, after: old, transaction, now)
    try takeAvailability(&product, after: old, transaction)
    guard product != old else { return old }
    product.version = old.version + 1
    product.updatedAt = now
    if product.status == .known(.published), old.status != .known(.published) || old.version == 0 {
      product.publishedAt = now
    }
    let isNew = old.version == 0
    if isNew { try ProductStore(transaction).insert(product) } else { try ProductStore(transaction).update(product) }
    try VariantStore(transaction).replace(old.variants, with: product.variants, of: product.id)
    try FoundByStore(transaction).replace(isNew ? FoundBy() : FoundBy(old), with: FoundBy(product), of: product.id)
    try record(product, after: old, in: transaction)
    return product
  }

  private func requireFreeKeys(_ product: Product, after old: Product, _ transaction: any Transaction) throws {
    let known = Set(old.variants.map(\.sku))
    // Those of a deleted product are to be had by others.
    let skus = product.variants.map(\.sku).filter { old.deletedAt != nil || !known.contains($0) }
    if let sku = try VariantStore(transaction).taken(skus, byOthersThan: product.id) {
      throw Problem(
        409, "sku_taken", "The SKU \(sku) is taken", detail: "A variant of another product has it.",
        extensions: ["sku": .string(sku)])
    }
    guard let key = product.externalID, old.externalID != key || old.deletedAt != nil,
      let other = try ProductStore(transaction).id(ofExternal: key), other != product.id
    else { return }
    throw Problem(
      409, "external_id_taken", "The external id \(key) is taken",
      detail: "The product \(other.lowercased) has it.", extensions: ["product_id": .string(other.lowercased)])
  }

  /// What inventory told of SKUs that come now.
  private func takeAvailability(_ product: inout Product, after old: Product, _ transaction: any Transaction) throws {
    let known = Set(old.deletedAt == nil ? old.variants.map(\.sku) : [])
    let told = try AvailabilityStore(transaction).find(product.variants.map(\.sku).filter { !known.contains($0) })
    for index in product.variants.indices {
      if let availability = told[product.variants[index].sku] {
        product.variants[index].availability = .known(availability)
      }
    }
  }

  private func claimed(
    _ wish: SlugWish, for product: Product, after old: Product, _ transaction: any Transaction, _ now: Date
  ) throws -> String {
    let store = SlugStore(transaction)
    let slug: String
    switch wish {
    case .keep: return product.slug
    case .given(let given): slug = given
    case .made:
      let candidates = Slug.candidates(of: product.title, id: product.id, fallback: "product")
      let taken = try store.taken(candidates, byOthersThan: product.id)
      slug = candidates.first { !taken.contains($0) } ?? candidates[candidates.count - 1]
    }
    if slug == old.slug, old.version > 0, old.deletedAt == nil { return slug }
    guard try store.claim(slug, for: product.id, at: now) else {
      throw Problem(
        409, "slug_taken", "The slug \(slug) is taken", detail: "Another product has it.",
        extensions: ["slug": .string(slug)])
    }
    return slug
  }

  /// Says what others may want to know.
  private func record(_ product: Product, after old: Product, in transaction: any Transaction) throws {
    let (id, version) = (product.id, product.version)
    func append(_ type: EventType<ProductEvent>) throws {
      try events.append(
        type, subject: id.lowercased, ProductEvent(productID: id, version: version), in: transaction)
    }
    if old.version == 0 {
      try append(ProductEvents.productCreated)
    } else if old.deletedAt != nil {
      try append(ProductEvents.productRestored)
    } else {
      try append(ProductEvents.productUpdated)
    }
    if product.status == .known(.published), old.version == 0 || old.status != product.status {
      try append(ProductEvents.productPublished)
    }
    func append(_ type: EventType<VariantEvent>, _ variant: Variant) throws {
      let event = VariantEvent(productID: id, variantID: variant.id, sku: variant.sku, version: version)
      try events.append(type, subject: variant.id.lowercased, event, in: transaction)
    }
    for variant in old.variants where !product.variants.contains(where: { $0.id == variant.id }) {
      try append(ProductEvents.variantDeleted, variant)
    }
    for variant in product.variants {
      guard let before = old.variants.first(where: { $0.id == variant.id }) else {
        try append(ProductEvents.variantCreated, variant)
        continue
      }
      if before.withoutPrices != variant.withoutPrices { try append(ProductEvents.variantUpdated, variant) }
      let currencies = Variant.currenciesChanged(before, variant)
      guard !currencies.isEmpty else { continue }
      try events.append(
        ProductEvents.priceChanged, subject: variant.id.lowercased,
        PriceEvent(productID: id, variantID: variant.id, currencies: currencies, version: version), in: transaction)
    }
  }
}

extension Product {
  /// Nothing yet, to be changed into a new product: its version is 0.
  static func unborn(_ id: UUID, at time: Date) -> Product {
    Product(
      id: id, externalID: nil, title: "", slug: "", description: nil, status: .draft, categoryID: nil, tags: [],
      options: [], variants: [], version: 0, createdAt: time, updatedAt: time, publishedAt: nil, deletedAt: nil)
  }
}

extension Variant {
  fileprivate var withoutPrices: Variant {
    var copy = self
    (copy.price, copy.prices) = (nil, [])
    return copy
  }

  /// In the order of their codes.
  fileprivate static func currenciesChanged(_ old: Variant, _ new: Variant) -> [String] {
    let (before, after) = (Set(old.prices), Set(new.prices))
    return Set(before.symmetricDifference(after).map(\.currency.code)).sorted()
  }
}
