import Foundation
import GravityContracts
import GravityHTTP
import ProductAPI

/// The products of a file, in their order. One that cannot be read has its problem in its place.
struct ImportFile: Sendable {
  static let greatestCount = 10_000
  /// In bytes.
  static let greatestLine = 256 << 10

  struct Item: Sendable {
    var line: Int
    var product: Result<ImportedProduct, Problem>
    var externalID: String?
  }

  private(set) var items: [Item] = []

  /// Lets others have the thread in between: ten thousand products take a second to read.
  /// - Throws: `Problem` 400, 413 or 422 when the file as a whole cannot be taken.
  init(_ format: ProductImport.Format, _ content: Data) async throws {
    guard !content.contains(0), let text = String(data: content, encoding: .utf8) else {
      throw Problem(400, "malformed_file", "The file is not UTF-8 text")
    }
    items =
      switch format {
      case .ndjson: try await Self.lines(text)
      case .csv: try await CSVProducts.items(text)
      }
    guard !items.isEmpty else { throw Problem(422, "empty_file", "There is no product in the file") }
    refuseRepetitions()
  }

  private static func lines(_ text: String) async throws -> [Item] {
    var (items, number) = ([Item](), 0)
    for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      if number % 100 == 0 { await Task.yield() }
      guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { continue }
      guard items.count < greatestCount else { throw tooMany }
      guard line.count <= greatestLine else {
        let problem = Problem(413, "line_too_long", "A line has at most \(greatestLine) bytes")
        items.append(Item(line: number, product: .failure(problem), externalID: nil))
        continue
      }
      do {
        let product = try StrictJSON.decode(ImportedProduct.self, from: Data(line))
        items.append(Item(line: number, product: .success(product), externalID: product.externalID.text))
      } catch let problem as Problem {
        items.append(Item(line: number, product: .failure(problem), externalID: nil))
      }
    }
    return items
  }

  static var tooMany: Problem {
    Problem(413, "too_many_lines", "A file has at most \(greatestCount) lines", detail: "Send it in pieces.")
  }

  /// The second of two that are about one product is most likely a mistake, and a dry run could not tell what comes of
  /// it.
  private mutating func refuseRepetitions() {
    var (keys, skus): ([String: Int], [String: Int]) = ([:], [:])
    for (index, item) in items.enumerated() {
      guard case .success(let product) = item.product else { continue }
      var errors: [Problem.FieldError] = []
      let named = [("id", product.id?.lowercased), ("external_id", product.externalID.text)]
      for (field, key) in named {
        guard let key else { continue }
        if let line = keys.updateValue(item.line, forKey: "\(field) \(key)") {
          errors.append(.init(field: field, code: "duplicate", message: "stands in line \(line) too"))
        }
      }
      if case .value(let variants) = product.variants {
        // Those of one product are looked at with it.
        for sku in Set(variants.map(\.sku)).sorted() {
          if let line = skus.updateValue(item.line, forKey: sku) {
            errors.append(.init(field: "variants", code: "duplicate", message: "\(sku) stands in line \(line) too"))
          }
        }
      }
      if !errors.isEmpty { items[index].product = .failure(.invalid(errors)) }
    }
  }
}

extension Patch<String> {
  var text: String? { if case .value(let text) = self { text } else { nil } }
}
