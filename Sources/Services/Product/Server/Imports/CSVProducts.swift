import Foundation
import GravityContracts
import ProductAPI

/// Products as CSV: a line for each variant. Lines that follow one another with the same `id` or `external_id` are one
/// product, whose own cells stand in the first. An empty cell leaves what is there.
enum CSVProducts {
  static let greatestColumns = 200
  static let productColumns = [
    "id", "external_id", "title", "slug", "description", "status", "category_id", "tags",
  ]
  static let variantColumns = ["sku", "variant_title", "barcode", "requires_shipping"]
  static let optionColumns = (1...OptionRules.greatestOptions).map {
    (name: "option\($0)_name", value: "option\($0)_value")
  }

  private enum Column: Hashable {
    case plain(String)
    /// Of the n-th option.
    case optionName(Int)
    case optionValue(Int)
    case price(Currency)
    case compareAt(Currency)

    init?(_ name: String) {
      let parts = name.split(separator: ":", maxSplits: 1).map(String.init)
      switch (parts.first, parts.count) {
      case ("price", 2):
        guard let currency = Currency(parts[1]) else { return nil }
        self = .price(currency)
      case ("compare_at", 2):
        guard let currency = Currency(parts[1]) else { return nil }
        self = .compareAt(currency)
      default:
        if let place = optionColumns.firstIndex(where: { $0.name == name }) {
          self = .optionName(place)
        } else if let place = optionColumns.firstIndex(where: { $0.value == name }) {
          self = .optionValue(place)
        } else {
          guard (productColumns + variantColumns).contains(name) else { return nil }
          self = .plain(name)
        }
      }
    }
  }

  static func items(_ text: String) async throws -> [ImportFile.Item] {
    let records: [CSV.Record]
    do throws(CSV.Malformed) {
      // The header and one more, by which too many are told.
      records = try CSV.parse(text, limit: ImportFile.greatestCount + 2)
    } catch {
      throw Problem(
        400, "malformed_csv", "The file is not CSV that is taken here",
        detail: "Line \(error.line): \(error.reason).")
    }
    guard let header = records.first else { return [] }
    guard records.count <= ImportFile.greatestCount + 1 else { throw ImportFile.tooMany }
    let columns = try Self.columns(header)
    var (groups, lastKey): ([[CSV.Record]], String?) = ([], nil)
    for record in records.dropFirst() {
      let key = ["id", "external_id"].map { cell($0, record, columns) ?? "" }.joined(separator: "\n")
      if key != "\n", key == lastKey {
        groups[groups.count - 1].append(record)
      } else {
        groups.append([record])
      }
      lastKey = key
    }
    var items: [ImportFile.Item] = []
    for group in groups {
      if items.count % 100 == 0 { await Task.yield() }
      let external = cell("external_id", group[0], columns)
      let result = Result { () throws(Problem) -> ImportedProduct in try product(group, columns) }
      items.append(ImportFile.Item(line: group[0].line, product: result, externalID: external))
    }
    return items
  }

  private static func columns(_ header: CSV.Record) throws -> [Column] {
    guard header.fields.count <= greatestColumns else {
      throw Problem.invalid("header", "too_many", "must be at most \(greatestColumns) columns")
    }
    var (columns, errors): ([Column], [Problem.FieldError]) = ([], [])
    for name in header.fields {
      guard let column = Column(name.trimmingCharacters(in: .whitespaces)) else {
        let known = (productColumns + variantColumns).joined(separator: ", ")
        let message =
          "\"\(name.prefix(50))\" is no column; there are \(known), option1_name, option1_value, price:USD, compare_at:USD"
        errors.append(.init(field: "header", code: "unknown", message: message))
        continue
      }
      if columns.contains(column) {
        errors.append(.init(field: "header", code: "duplicate", message: "\"\(name.prefix(50))\" stands twice"))
      }
      columns.append(column)
    }
    if !columns.contains(.plain("external_id")), !columns.contains(.plain("id")) {
      errors.append(.init(field: "header", code: "required", message: "has external_id or id"))
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return columns
  }

  private static func cell(_ name: String, _ record: CSV.Record, _ columns: [Column]) -> String? {
    cell(.plain(name), record, columns)
  }

  private static func cell(_ column: Column, _ record: CSV.Record, _ columns: [Column]) -> String? {
    guard let index = columns.firstIndex(of: column), index < record.fields.count, !record.fields[index].isEmpty else {
      return nil
    }
    return record.fields[index]
  }

  private static func product(
    _ group: [CSV.Record], _ columns: [Column]
  ) throws(Problem) -> ImportedProduct {
    var errors: [Problem.FieldError] = []
    let first = group[0]
    for record in group where record.fields.count > columns.count {
      errors.append(
        .init(field: "line", code: "range", message: "line \(record.line) has more cells than the header"))
    }
    for record in group.dropFirst() {
      for name in productColumns {
        if let text = cell(name, record, columns), text != cell(name, first, columns) {
          let message = "differs in line \(record.line) from the product's first line"
          errors.append(.init(field: name, code: "conflict", message: message))
        }
      }
    }
    func id(_ name: String) -> UUID? {
      guard let text = cell(name, first, columns) else { return nil }
      let id = UUID(uuidString: text)
      if id == nil { errors.append(.init(field: name, code: "format", message: "is not a UUID")) }
      return id
    }
    func patch(_ name: String) -> Patch<String> { cell(name, first, columns).map(Patch.value) ?? .absent }
    var product = ImportedProduct(
      id: id("id"), externalID: patch("external_id"), title: patch("title"), slug: patch("slug"),
      description: patch("description"), categoryID: id("category_id").map(Patch.value) ?? .absent)
    if let text = cell("status", first, columns) {
      if let status = Product.Status(rawValue: text) {
        product.status = .value(status)
      } else {
        errors.append(.init(field: "status", code: "unknown", message: "is draft, published or archived"))
      }
    }
    if let text = cell("tags", first, columns) {
      product.tags = .value(text.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) })
    }
    let records = group.filter { cell("sku", $0, columns) != nil }
    if !records.isEmpty {
      product.options = .value(options(records, columns))
      var variants: [NewVariant] = []
      for (index, record) in records.enumerated() { variants.append(variant(record, columns, index, &errors)) }
      product.variants = .value(variants)
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return product
  }

  /// Those that the product's lines have a cell of, in the order of the columns.
  private static func options(_ records: [CSV.Record], _ columns: [Column]) -> [ProductOption] {
    var options: [ProductOption] = []
    for record in records {
      for (name, value) in pairs(record, columns) {
        if let index = options.firstIndex(where: { $0.name == name }) {
          if !options[index].values.contains(value) { options[index].values.append(value) }
        } else {
          options.append(ProductOption(name: name, values: [value]))
        }
      }
    }
    return options
  }

  /// Options with their values, in their order.
  private static func pairs(_ record: CSV.Record, _ columns: [Column]) -> [(String, String)] {
    optionColumns.indices.compactMap { place in
      guard let name = cell(.optionName(place), record, columns),
        let value = cell(.optionValue(place), record, columns)
      else { return nil }
      return (name, value)
    }
  }

  private static func variant(
    _ record: CSV.Record, _ columns: [Column], _ index: Int, _ errors: inout [Problem.FieldError]
  ) -> NewVariant {
    let options = Dictionary(pairs(record, columns), uniquingKeysWith: { first, _ in first })
    var prices: [Price] = []
    for case .price(let currency) in columns {
      guard let amount = Self.amount(.price(currency), currency, record, columns, index, &errors) else { continue }
      let before = Self.amount(.compareAt(currency), currency, record, columns, index, &errors)
      prices.append(Price(amount: amount, currency: currency, compareAt: before.flatMap { Money($0, currency) }))
    }
    let shipping = cell("requires_shipping", record, columns)
    if let shipping, !["true", "false"].contains(shipping.lowercased()) {
      errors.append(
        .init(field: "variants.\(index).requires_shipping", code: "type", message: "is true or false"))
    }
    return NewVariant(
      sku: cell("sku", record, columns) ?? "", title: cell("variant_title", record, columns), options: options,
      prices: prices, barcode: cell("barcode", record, columns),
      requiresShipping: shipping.map { $0.lowercased() == "true" })
  }

  private static func amount(
    _ column: Column, _ currency: Currency, _ record: CSV.Record, _ columns: [Column], _ index: Int,
    _ errors: inout [Problem.FieldError]
  ) -> Int64? {
    guard let text = cell(column, record, columns) else { return nil }
    let amount = DecimalMoney.minorUnits(text, currency)
    if amount == nil {
      let field = if case .compareAt = column { "compare_at" } else { "price" }
      let message = "is not an amount of \(currency) such as \(DecimalMoney.text(129_900, currency))"
      errors.append(.init(field: "variants.\(index).\(field):\(currency)", code: "format", message: message))
    }
    return amount
  }
}
