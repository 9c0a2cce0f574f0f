import Foundation
import GravityContracts
import ProductAPI

/// What a variant says, checked by itself.
struct VariantFields: Sendable, Hashable {
  static let greatestPrices = 50

  var sku: String
  var title: String?
  var options: [String: String]
  var prices: [Price]
  var barcode: String?
  var requiresShipping: Bool

  /// - Parameter path: stands before the names of fields: `variants.0.`
  init(checking variant: NewVariant, at path: String = "", _ errors: inout [Problem.FieldError]) {
    sku = MachineText("\(path)sku", 64).checked(variant.sku, &errors) ?? variant.sku
    title = variant.title.flatMap { PlainText("\(path)title", 200).checked($0, &errors) }
    barcode = variant.barcode.flatMap { MachineText("\(path)barcode", 64).checked($0, &errors) }
    requiresShipping = variant.requiresShipping ?? true
    options = Self.options(variant.options ?? [:], "\(path)options", &errors)
    prices = Self.prices(variant.price, variant.prices, path, &errors)
  }

  init(_ variant: Variant) {
    sku = variant.sku
    title = variant.title
    options = variant.options
    prices = variant.prices
    barcode = variant.barcode
    requiresShipping = variant.requiresShipping
  }

  /// Names and values as they are kept, so that they can be compared with the product's options.
  static func options(
    _ given: [String: String], _ field: String, _ errors: inout [Problem.FieldError]
  ) -> [String: String] {
    guard given.count <= OptionRules.greatestOptions else {
      errors.append(
        .init(field: field, code: "too_many", message: "must be at most \(OptionRules.greatestOptions)"))
      return [:]
    }
    var kept: [String: String] = [:]
    for (name, value) in given.sorted(by: { $0.key < $1.key }) {
      guard let name = PlainText(field, 50).checked(name, &errors),
        let value = PlainText("\(field).\(name)", 100).checked(value, &errors)
      else { continue }
      kept[name] = value
    }
    return kept
  }

  static func prices(
    _ one: Price?, _ list: [Price]?, _ path: String, _ errors: inout [Problem.FieldError]
  ) -> [Price] {
    var prices: [Price] = []
    for (index, price) in (list ?? []).prefix(greatestPrices + 1).enumerated() {
      let field = "\(path)prices.\(index)"
      check(price, field, &errors)
      if prices.contains(where: { $0.currency == price.currency }) {
        errors.append(
          .init(
            field: "\(field).currency", code: "duplicate",
            message: "\(price.currency) has a price already: one for each"))
      } else {
        prices.append(price)
      }
    }
    if let one {
      check(one, "\(path)price", &errors)
      if let same = prices.first(where: { $0.currency == one.currency }) {
        // What a reply held may be sent back as it is.
        if same != one {
          errors.append(
            .init(field: "\(path)price", code: "duplicate", message: "differs from the price in the list"))
        }
      } else {
        prices.insert(one, at: 0)
      }
    }
    if prices.count > greatestPrices {
      errors.append(.init(field: "\(path)prices", code: "too_many", message: "must be at most \(greatestPrices)"))
    }
    return prices
  }

  static func check(_ price: Price, _ field: String, _ errors: inout [Problem.FieldError]) {
    guard (0...Money.greatest).contains(price.amount) else {
      errors.append(
        .init(field: "\(field).amount", code: "range", message: "must be from 0 to \(Money.greatest) minor units"))
      return
    }
    guard let before = price.compareAt else { return }
    if before.currency != price.currency {
      let message = "must be in \(price.currency), as the price"
      errors.append(.init(field: "\(field).compare_at.currency", code: "currency", message: message))
    } else if before.amount <= price.amount {
      errors.append(
        .init(field: "\(field).compare_at.amount", code: "range", message: "must be greater than the price"))
    }
  }
}

extension VariantFields {
  /// What the variant would be with the changes.
  /// - Throws: `Problem` 422.
  func changed(by update: VariantUpdate) throws -> VariantFields {
    var (fields, errors) = (self, [Problem.FieldError]())
    func needed(_ isNull: Bool, _ field: String) {
      if isNull { errors.append(.init(field: field, code: "required", message: "must not be null")) }
    }
    needed(update.sku == .null, "sku")
    needed(update.requiresShipping == .null, "requires_shipping")
    needed(update.price == .null, "price")
    if case .value(let sku) = update.sku { fields.sku = MachineText("sku", 64).checked(sku, &errors) ?? sku }
    switch update.title {
    case .absent: break
    case .null: fields.title = nil
    case .value(let title): fields.title = PlainText("title", 200).checked(title, &errors)
    }
    switch update.barcode {
    case .absent: break
    case .null: fields.barcode = nil
    case .value(let barcode): fields.barcode = MachineText("barcode", 64).checked(barcode, &errors)
    }
    switch update.options {
    case .absent: break
    case .null: fields.options = [:]
    case .value(let options): fields.options = Self.options(options, "options", &errors)
    }
    fields.requiresShipping = update.requiresShipping.applied(to: requiresShipping) ?? requiresShipping
    let one: Price? = if case .value(let price) = update.price { price } else { nil }
    switch update.prices {
    case .null: fields.prices = Self.prices(one, nil, "", &errors)
    case .value(let list): fields.prices = Self.prices(one, list, "", &errors)
    case .absent:
      guard let one else { break }
      Self.check(one, "price", &errors)
      if let index = fields.prices.firstIndex(where: { $0.currency == one.currency }) {
        fields.prices[index] = one
      } else {
        fields.prices.append(one)
      }
      if fields.prices.count > Self.greatestPrices {
        errors.append(.init(field: "price", code: "too_many", message: "must be at most \(Self.greatestPrices)"))
      }
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return fields
  }
}
