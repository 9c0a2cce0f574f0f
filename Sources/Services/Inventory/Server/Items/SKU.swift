import GravityContracts

enum SKU {
  /// - Throws: `Problem` 422.
  static func checked(_ sku: String, field: String = "sku") throws -> String {
    guard let error = error(sku, field: field) else { return sku }
    throw Problem.invalid([error])
  }

  static func error(_ sku: String, field: String) -> Problem.FieldError? {
    guard (1...100).contains(sku.unicodeScalars.count) else {
      return .init(field: field, code: "length", message: "must have 1 to 100 characters")
    }
    guard Text.isPrintable(sku), sku.first != " ", sku.last != " " else {
      return .init(field: field, code: "format", message: "must have no control characters, and no blanks at its ends")
    }
    return nil
  }
}

enum Text {
  static func isPrintable(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
  }
}
