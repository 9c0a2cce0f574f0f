import Foundation
import GravityContracts
import GravityData
import ProductAPI

extension CollectionRules {
  static let greatestCount = 20

  /// Holds for the rows of `products` that fit; the rules were checked when they were written.
  var condition: SQL {
    "(" + .joined(conditions.map(\.condition), by: match == .all ? " AND " : " OR ") + ")"
  }

  /// Rules as they are kept.
  /// - Returns: nil when there is an error, which is added to `errors`.
  func checked(_ errors: inout [Problem.FieldError]) -> CollectionRules? {
    guard (1...Self.greatestCount).contains(conditions.count) else {
      errors.append(
        .init(field: "rules.conditions", code: "range", message: "must be from 1 to \(Self.greatestCount)"))
      return nil
    }
    let before = errors.count
    let kept = conditions.enumerated().compactMap { $1.checked(at: "rules.conditions.\($0)", &errors) }
    return errors.count == before ? CollectionRules(match: match, conditions: kept) : nil
  }
}

extension CollectionCondition {
  private var relations: [Relation] {
    switch field {
    case .title: [.equals, .notEquals, .startsWith, .contains]
    case .tag, .category: [.equals, .notEquals]
    case .price: [.lessThan, .atMost, .equals, .atLeast, .greaterThan]
    }
  }

  func checked(at path: String, _ errors: inout [Problem.FieldError]) -> CollectionCondition? {
    guard relations.contains(relation) else {
      let names = relations.map(\.rawValue).joined(separator: ", ")
      errors.append(
        .init(field: "\(path).relation", code: "unknown", message: "of \(field.rawValue) is one of \(names)"))
      return nil
    }
    if field == .price {
      guard let price, value == nil, price.amount >= 0 else {
        errors.append(
          .init(field: "\(path).price", code: "required", message: "is an amount of 0 or more, and no value"))
        return nil
      }
      return self
    }
    guard let value, price == nil else {
      errors.append(.init(field: "\(path).value", code: "required", message: "is what is compared, and no price"))
      return nil
    }
    guard let kept = PlainText("\(path).value", 200).checked(value, &errors) else { return nil }
    if field == .category, UUID(uuidString: kept) == nil {
      errors.append(.init(field: "\(path).value", code: "format", message: "is a category's id"))
      return nil
    }
    return CollectionCondition(field: field, relation: relation, value: kept)
  }

  fileprivate var condition: SQL {
    switch field {
    case .title: title(value?.folded ?? "")
    case .tag: negated("products.id IN (SELECT product_id FROM product_tags WHERE tag = \((value ?? "").tagKey))")
    case .category:
      // A product without a category is in none: NOT IN alone would leave it out.
      negated(
        """
        (products.category_id IS NOT NULL AND
        products.category_id IN \(CategoryStore.subtree(of: UUID(uuidString: value ?? "") ?? UUID())))
        """)
    case .price: priced
    }
  }

  private func negated(_ condition: SQL) -> SQL { relation == .notEquals ? "NOT \(condition)" : condition }

  private func title(_ text: String) -> SQL {
    let key = String(text.prefix(100))
    switch relation {
    case .startsWith: return "(products.title_key >= \(key) AND products.title_key < \(key + "\u{10FFFF}"))"
    // No pattern: % and _ in the text are no more than what they are.
    case .contains:
      return SQL.only(.sqlite, "instr(products.title_key, ") + .only(.postgresql, "strpos(products.title_key, ")
        + "\(key)) > 0"
    default: return negated("products.title_key = \(Product.titleKey(text))")
    }
  }

  private var priced: SQL {
    let comparison: SQL =
      switch relation {
      case .lessThan: "<"
      case .atMost: "<="
      case .atLeast: ">="
      case .greaterThan: ">"
      default: "="
      }
    return """
      products.id IN (SELECT product_id FROM product_prices WHERE currency = \(price?.currency.code ?? "")
      AND lowest \(comparison) \(price?.amount ?? 0))
      """
  }
}
