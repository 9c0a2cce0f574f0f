import Foundation
import GravityContracts
import ProductAPI

/// What options and variants have to be for one another.
enum OptionRules {
  static let greatestOptions = 5
  static let greatestValues = 100
  static let greatestVariants = 100

  /// Options by themselves.
  static func checked(_ options: [ProductOption], _ errors: inout [Problem.FieldError]) -> [ProductOption] {
    guard options.count <= greatestOptions else {
      errors.append(.init(field: "options", code: "too_many", message: "must be at most \(greatestOptions)"))
      return []
    }
    var kept: [ProductOption] = []
    for (index, option) in options.enumerated() {
      let field = "options.\(index)"
      guard let name = PlainText("\(field).name", 50).checked(option.name, &errors) else { continue }
      if kept.contains(where: { $0.name.folded == name.folded }) {
        errors.append(.init(field: "\(field).name", code: "duplicate", message: "is the name of another option"))
      }
      guard (1...greatestValues).contains(option.values.count) else {
        errors.append(
          .init(field: "\(field).values", code: "range", message: "must be from 1 to \(greatestValues)"))
        continue
      }
      var values: [String] = []
      for (place, value) in option.values.enumerated() {
        guard let value = PlainText("\(field).values.\(place)", 100).checked(value, &errors) else { continue }
        if values.contains(where: { $0.folded == value.folded }) {
          errors.append(.init(field: "\(field).values.\(place)", code: "duplicate", message: "stands there already"))
        } else {
          values.append(value)
        }
      }
      kept.append(ProductOption(name: name, values: values))
    }
    return kept
  }

  /// The options that variants speak of, where none are declared: names in their order by letters, values by variants.
  static func derived(from variants: [VariantFields]) -> [ProductOption] {
    let names = Set(variants.flatMap(\.options.keys)).sorted()
    return names.map { name in
      var values: [String] = []
      for value in variants.compactMap({ $0.options[name] }) where !values.contains(value) { values.append(value) }
      return ProductOption(name: name, values: values)
    }
  }

  /// Variants against options and one another.
  /// - Parameter path: where variant `n` stands: `variants.3.`
  static func check(
    _ variants: [VariantFields], _ options: [ProductOption], at path: (Int) -> String,
    _ errors: inout [Problem.FieldError]
  ) {
    guard variants.count <= greatestVariants else {
      errors.append(
        .init(field: "variants", code: "too_many", message: "must be at most \(greatestVariants) in a product"))
      return
    }
    var (skus, combinations) = ([String: Int](), [[String]: Int]())
    for (index, variant) in variants.enumerated() {
      if let other = skus.updateValue(index, forKey: variant.sku) {
        let message = "\(variant.sku) is the SKU of variant \(other) too"
        errors.append(.init(field: "\(path(index))sku", code: "duplicate", message: message))
      }
      var (combination, isComplete) = ([String](), true)
      for option in options {
        let value = variant.options[option.name]
        if let value, option.values.contains(value) {
          combination.append(value)
          continue
        }
        isComplete = false
        errors.append(
          .init(
            field: "\(path(index))options.\(option.name)", code: value == nil ? "required" : "unknown",
            message: value == nil ? "is an option of the product" : "is none of the option's values"))
      }
      for name in variant.options.keys.sorted() where !options.contains(where: { $0.name == name }) {
        errors.append(
          .init(field: "\(path(index))options.\(name)", code: "unknown", message: "is no option of the product"))
      }
      guard isComplete else { continue }
      if let other = combinations.updateValue(index, forKey: combination) {
        let message =
          options.isEmpty
          ? "a product without options has one variant"
          : "is the combination of variant \(other) too: \(combination.joined(separator: " / "))"
        errors.append(.init(field: "\(path(index))options", code: "duplicate", message: message))
      }
    }
  }

  /// What a variant is called that has no title of its own.
  static func title(_ variant: [String: String], _ options: [ProductOption]) -> String? {
    let values = options.compactMap { variant[$0.name] }
    return values.isEmpty ? nil : values.joined(separator: " / ")
  }
}
