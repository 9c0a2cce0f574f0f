import Foundation
import GravityContracts
import ProductAPI

/// A change to a product, or a whole new one, each of its fields checked by itself.
struct ProductChange: Sendable {
  static let greatestTags = 50

  private(set) var title: String?
  private(set) var slug = SlugWish.keep
  private(set) var description: Patch<String> = .absent
  private(set) var status: Product.Status?
  private(set) var externalID: Patch<String> = .absent
  private(set) var categoryID: Patch<UUID> = .absent
  private(set) var tags: [String]?
  private(set) var options: [ProductOption]?
  private(set) var variants: [VariantFields]?
  /// Errors that more may be added to, so that all are told at once.
  private(set) var errors: [Problem.FieldError] = []

  init(_ update: ProductUpdate) {
    func needed(_ isNull: Bool, _ field: String) {
      if isNull { errors.append(.init(field: field, code: "required", message: "must not be null")) }
    }
    needed(update.title == .null, "title")
    needed(update.status == .null, "status")
    if case .value(let text) = update.title { title = PlainText("title", 200).checked(text, &errors) ?? "-" }
    switch update.slug {
    case .absent: break
    case .null: slug = .made
    case .value(let text): slug = Slug.checked(text, &errors).map(SlugWish.given) ?? .keep
    }
    description = Self.checked(update.description) {
      PlainText("description", 10_000, allowsLines: true, allowsTabs: true).checked($0, &errors)
    }
    externalID = Self.checked(update.externalID) { MachineText("external_id", 100).checked($0, &errors) }
    if case .value(let value) = update.status { status = value }
    categoryID = update.categoryID
    switch update.tags {
    case .absent: break
    case .null: tags = []
    case .value(let given): tags = Self.tags(given, &errors)
    }
    switch update.options {
    case .absent: break
    case .null: options = []
    case .value(let given): options = OptionRules.checked(given, &errors)
    }
    switch update.variants {
    case .absent: break
    case .null: variants = []
    case .value(let given):
      variants = given.prefix(OptionRules.greatestVariants + 1).enumerated().map { index, variant in
        VariantFields(checking: variant, at: "variants.\(index).", &errors)
      }
    }
  }

  private static func checked(_ patch: Patch<String>, _ rule: (String) -> String?) -> Patch<String> {
    guard case .value(let text) = patch else { return patch }
    return rule(text).map(Patch.value) ?? .absent
  }

  private static func tags(_ given: [String], _ errors: inout [Problem.FieldError]) -> [String] {
    guard given.count <= greatestTags else {
      errors.append(.init(field: "tags", code: "too_many", message: "must be at most \(greatestTags)"))
      return []
    }
    var (tags, keys) = ([String](), Set<String>())
    for (index, tag) in given.enumerated() {
      guard let tag = PlainText("tags.\(index)", 50).checked(tag, &errors) else { continue }
      // They stand beside one another in a cell of CSV.
      guard !tag.contains(where: { $0 == ";" }) else {
        errors.append(.init(field: "tags.\(index)", code: "format", message: "must not have a semicolon"))
        continue
      }
      if keys.insert(tag.tagKey).inserted { tags.append(tag) }
    }
    return tags
  }
}

extension ProductChange {
  /// Whatever the product is, these are wrong.
  /// - Throws: `Problem` 422.
  func requireGoodFields() throws {
    if !errors.isEmpty { throw Problem.invalid(errors) }
  }

  /// What the product would be; slug, version and times are not touched.
  ///
  /// - Parameter old: the product as it is; one without a version is new.
  /// - Throws: `Problem` 422 with everything that is wrong, 409 where the status cannot be reached.
  func applied(to old: Product, newID: () -> UUID) throws -> Product {
    var (product, errors) = (old, errors)
    product.title = title ?? old.title
    product.description = description.applied(to: old.description)
    product.externalID = externalID.applied(to: old.externalID)
    product.categoryID = categoryID.applied(to: old.categoryID)
    product.tags = tags ?? old.tags
    let fields = variants ?? old.variants.map { VariantFields($0) }
    product.options = options ?? (old.version == 0 && variants != nil ? OptionRules.derived(from: fields) : old.options)
    if options != nil || variants != nil {
      OptionRules.check(fields, product.options, at: { "variants.\($0)." }, &errors)
    }
    if let status { product.status = .known(status) }
    if product.status == .known(.published), fields.isEmpty {
      errors.append(.init(field: "variants", code: "required", message: "a published product has at least one"))
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    if let status, old.version > 0 { try old.requireTransition(to: status) }
    if options != nil || variants != nil {
      product.variants = Self.variants(fields, of: old, product.options, newID: newID)
    }
    return product
  }

  /// Those whose SKU is there keep their id.
  static func variants(
    _ fields: [VariantFields], of old: Product, _ options: [ProductOption], newID: () -> UUID
  ) -> [Variant] {
    fields.map { fields in
      let known = old.variants.first { $0.sku == fields.sku }
      return Variant(fields, known, id: known?.id ?? newID(), old.options, options)
    }
  }
}

extension Variant {
  /// - Parameter known: the variant as it was.
  init(
    _ fields: VariantFields, _ known: Variant?, id: UUID, _ oldOptions: [ProductOption], _ options: [ProductOption]
  ) {
    // A title that was made is made anew, one that was chosen stays.
    let wasMade = fields.title == nil || known.map { OptionRules.title($0.options, oldOptions) } == fields.title
    let availability: Availability = if case .known(let value)? = known?.availability { value } else { .unknown }
    self.init(
      id: id, sku: fields.sku, title: wasMade ? OptionRules.title(fields.options, options) : fields.title,
      options: fields.options, prices: fields.prices, barcode: fields.barcode,
      requiresShipping: fields.requiresShipping, availability: availability)
  }
}

extension Product.Status {
  /// Where a product can go from here.
  var next: [Product.Status] {
    switch self {
    case .draft: [.published]
    case .published: [.archived]
    case .archived: [.draft]
    }
  }
}

extension Product {
  var knownStatus: Status { if case .known(let status) = status { status } else { .draft } }

  /// Staying is always possible.
  /// - Throws: `Problem` 409 with the statuses that can be reached.
  func requireTransition(to wanted: Status) throws {
    guard wanted != knownStatus, !knownStatus.next.contains(wanted) else { return }
    let allowed = knownStatus.next.map(\.rawValue)
    throw Problem(
      409, "invalid_state", "A product that is \(knownStatus.rawValue) cannot become \(wanted.rawValue)",
      detail: "It can become \(allowed.joined(separator: ", ")).",
      extensions: ["allowed": .array(allowed.map(JSONValue.string)), "status": .string(knownStatus.rawValue)])
  }
}

extension ProductUpdate {
  /// Everything of a new product, as a change to nothing.
  init(_ new: NewProduct, id: UUID) {
    func patch<Value>(_ value: Value?) -> Patch<Value> { value.map(Patch.value) ?? .absent }
    self.init(
      id: id, title: .value(new.title), slug: patch(new.slug), description: patch(new.description),
      status: patch(new.status), externalID: patch(new.externalID), categoryID: patch(new.categoryID),
      tags: patch(new.tags), options: patch(new.options), variants: patch(new.variants))
  }
}
