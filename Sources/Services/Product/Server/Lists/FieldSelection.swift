import Foundation
import GravityContracts
import ProductAPI

/// The fields that a list's products are to carry.
struct FieldSelection: Sendable {
  private let fields: Set<PartialProduct.Field>?

  /// - Parameter text: names separated by commas; nil is all.
  /// - Throws: `Problem` 422 naming the first that is none.
  init(_ text: String?) throws {
    guard let text else {
      fields = nil
      return
    }
    guard text.utf8.count <= 500 else { throw Problem.invalid("fields", "too_long", "must have at most 500 bytes") }
    fields = try Set(
      text.split(separator: ",").map { name in
        guard let field = PartialProduct.Field(rawValue: name.trimmingCharacters(in: .whitespaces)) else {
          let known = PartialProduct.Field.allCases.map(\.rawValue).joined(separator: ", ")
          throw Problem.invalid("fields", "unknown", "\(name.prefix(50)) is no field; there are \(known)")
        }
        return field
      })
  }

  func of(_ product: Product) -> PartialProduct {
    var partial = PartialProduct(product)
    guard let fields else { return partial }
    for field in PartialProduct.Field.allCases where !fields.contains(field) { partial.leaveOut(field) }
    return partial
  }
}

extension PartialProduct {
  fileprivate mutating func leaveOut(_ field: Field) {
    switch field {
    case .id, .version: break
    case .title: title = nil
    case .slug: slug = nil
    case .description: description = nil
    case .status: status = nil
    case .tags: tags = nil
    case .options: options = nil
    case .variants: variants = nil
    case .externalID: externalID = nil
    case .categoryID: categoryID = nil
    case .createdAt: createdAt = nil
    case .updatedAt: updatedAt = nil
    case .publishedAt: publishedAt = nil
    case .deletedAt: deletedAt = nil
    }
  }
}
