import Foundation
import GravityContracts
import GravityData
import ProductAPI

/// Products as import takes them, a page at a time and in the order of ids.
struct Export: Sendable {
  static let greatestCount = 1_000
  /// In bytes; a page ends with the product that reaches it.
  static let greatestPage = 4 << 20
  let core: ProductCore

  struct Page: Sendable {
    var content: Content
    var next: Cursor?
  }

  func ndjson(_ query: ExportQuery) async throws -> Page {
    try await page(query, "products.ndjson", header: { _ in "" }) { product, _ in
      String(decoding: try WireFormat.makeEncoder().encode(ImportedProduct(product)), as: UTF8.self) + "\n"
    }
  }

  func csv(_ query: ExportQuery) async throws -> Page {
    try await page(query, "products.csv", header: { CSV.line($0.header) }) { product, columns in
      columns.lines(product)
    }
  }

  private func page(
    _ query: ExportQuery, _ fileName: String, header: @escaping @Sendable (ExportColumns) -> String,
    _ text: @escaping @Sendable (Product, ExportColumns) throws -> String
  ) async throws -> Page {
    let limit = query.limit ?? Self.greatestCount
    guard (1...Self.greatestCount).contains(limit) else {
      throw Problem.invalid("limit", "range", "must be from 1 to \(Self.greatestCount)")
    }
    // The columns of the first page are those of all, whatever is added meanwhile.
    let (after, columns) = try query.cursor.map(Self.place) ?? (nil, nil)
    return try await core.read { transaction in
      let columns = try columns ?? ExportColumns(transaction)
      var whole = after == nil ? header(columns) : ""
      var (last, hasMore, count): (UUID?, Bool, Int) = (after, true, 0)
      while hasMore, count < limit, whole.utf8.count < Self.greatestPage {
        // In small batches, so that a page of large products is not all in memory before it is cut.
        let batch = min(100, limit - count)
        let products = try ProductStore(transaction).list(
          shelf: query.status?.rawValue, after: last, limit: batch + 1)
        hasMore = products.count > batch
        for product in products.prefix(batch) {
          whole += try text(product, columns)
          count += 1
          last = product.id
          if whole.utf8.count >= Self.greatestPage {
            hasMore = hasMore || product.id != products.prefix(batch).last?.id
            break
          }
        }
      }
      let next = hasMore ? last.map { Cursor([$0.lowercased, columns.encoded]) } : nil
      return Page(content: Content(Data(whole.utf8), fileName: fileName), next: next)
    }
  }

  private static func place(_ cursor: Cursor) throws -> (UUID?, ExportColumns?) {
    let parts = cursor.parts
    guard parts.count == 2, let id = UUID(uuidString: parts[0]), let columns = ExportColumns(encoded: parts[1])
    else { throw Problem.invalid("cursor", "format", "is not a cursor of this list") }
    return (id, columns)
  }
}

/// The columns of a CSV export: those that any product needs.
struct ExportColumns: Sendable {
  var currencies: [Currency]

  init(_ transaction: any Transaction) throws {
    currencies = try transaction.rows("SELECT DISTINCT currency FROM product_prices ORDER BY currency").compactMap {
      Currency(try $0.get("currency", as: String.self))
    }
  }

  init?(encoded: String) {
    let codes = stride(from: 0, to: encoded.count, by: 3).map { String(encoded.dropFirst($0).prefix(3)) }
    currencies = codes.compactMap { Currency($0) }
    if currencies.count != codes.count { return nil }
  }

  /// Codes side by side: even all there are fit into a cursor.
  var encoded: String { currencies.map(\.code).joined() }

  var header: [String] {
    CSVProducts.productColumns + CSVProducts.variantColumns
      + CSVProducts.optionColumns.flatMap { [$0.name, $0.value] }
      + currencies.flatMap { ["price:\($0)", "compare_at:\($0)"] }
  }

  func lines(_ product: Product) -> String {
    let own = [
      product.id.lowercased, product.externalID ?? "", product.title, product.slug, product.description ?? "",
      product.status.rawValue, product.categoryID?.lowercased ?? "", product.tags.joined(separator: ";"),
    ]
    // Later lines of a product repeat nothing but what says whose they are.
    let repeated = [own[0], own[1]] + [String](repeating: "", count: own.count - 2)
    guard !product.variants.isEmpty else { return CSV.line(own) }
    return product.variants.enumerated().map { index, variant in
      CSV.line((index == 0 ? own : repeated) + cells(variant, product))
    }.joined()
  }

  private func cells(_ variant: Variant, _ product: Product) -> [String] {
    var cells = [
      variant.sku, variant.title ?? "", variant.barcode ?? "", variant.requiresShipping ? "true" : "false",
    ]
    for index in CSVProducts.optionColumns.indices {
      let option = index < product.options.count ? product.options[index].name : ""
      cells += [option, variant.options[option] ?? ""]
    }
    for currency in currencies {
      let price = variant.prices.first { $0.currency == currency }
      cells += [
        price.map { DecimalMoney.text($0.amount, currency) } ?? "",
        price?.compareAt.map { DecimalMoney.text($0.amount, currency) } ?? "",
      ]
    }
    return cells
  }
}

extension ImportedProduct {
  /// Everything that an import would take. What is not there is not named.
  init(_ product: Product) {
    func patch(_ text: String?) -> Patch<String> { text.map(Patch.value) ?? .absent }
    self.init(
      id: product.id, externalID: patch(product.externalID), title: .value(product.title),
      slug: .value(product.slug), description: patch(product.description), status: .value(product.knownStatus),
      categoryID: product.categoryID.map(Patch.value) ?? .absent, tags: .value(product.tags),
      options: .value(product.options),
      variants: .value(
        product.variants.map { variant in
          NewVariant(
            sku: variant.sku, title: variant.title, options: variant.options, prices: variant.prices,
            barcode: variant.barcode, requiresShipping: variant.requiresShipping)
        }))
  }
}
