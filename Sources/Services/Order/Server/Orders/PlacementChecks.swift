import Foundation
import GravityContracts
import OrderAPI

/// What a client asks for, checked.
enum PlacementChecks {
  static let greatestLines = 100
  static let quantities: ClosedRange<Int64> = 1...1_000_000

  /// Lines of one SKU added up, in the order of their first mention.
  static func lines(_ lines: [RequestedLine], _ errors: inout [Problem.FieldError]) -> [RequestedLine] {
    guard (1...greatestLines).contains(lines.count) else {
      errors.append(.init(field: "lines", code: "range", message: "must be from 1 to \(greatestLines) lines"))
      return []
    }
    var (order, sums): ([String], [String: Int64]) = ([], [:])
    for (index, line) in lines.enumerated() {
      if !isSKU(line.sku) {
        errors.append(
          .init(field: "lines.\(index).sku", code: "format", message: "must have 1 to 64 visible characters"))
      }
      guard quantities.contains(line.quantity) else {
        errors.append(
          .init(
            field: "lines.\(index).quantity", code: "range",
            message: "must be from \(quantities.lowerBound) to \(quantities.upperBound)"))
        continue
      }
      if sums[line.sku] == nil { order.append(line.sku) }
      sums[line.sku, default: 0] += line.quantity
      if sums[line.sku]! > quantities.upperBound {
        errors.append(
          .init(
            field: "lines.\(index).quantity", code: "range",
            message: "all of \(line.sku) must be at most \(quantities.upperBound)"))
        sums[line.sku] = quantities.upperBound
      }
    }
    return order.map { RequestedLine(sku: $0, quantity: sums[$0]!) }
  }

  static func isSKU(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }

  /// A token of the payment service's; what looks like a card's number is refused before anything stores it.
  static func paymentMethod(_ text: String, _ errors: inout [Problem.FieldError]) -> String {
    let isToken =
      (1...100).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F
          || $0 == 0x2D
      }
    if !isToken || text.utf8.filter({ (0x30...0x39).contains($0) }).count >= 12 && !text.contains("_") {
      errors.append(
        .init(
          field: "payment_method", code: "format",
          message: "must be a payment method's token such as pm_…, never the number of a card"))
    }
    return text
  }

  /// Trimmed; the bounds are those that ``OrderAddress`` documents.
  static func address(_ address: OrderAddress, _ field: String, _ errors: inout [Problem.FieldError]) -> OrderAddress {
    func text(_ name: String, _ value: String?, _ most: Int, isNeeded: Bool = false) -> String? {
      let trimmed = value?.trimmingCharacters(in: .whitespacesAndNewlines).precomposedStringWithCanonicalMapping
      guard let trimmed, !trimmed.isEmpty else {
        if isNeeded { errors.append(.init(field: "\(field).\(name)", code: "required", message: "is missing")) }
        return nil
      }
      if (value?.unicodeScalars.count ?? 0) > most {
        errors.append(
          .init(field: "\(field).\(name)", code: "too_long", message: "must have at most \(most) characters"))
      } else if trimmed.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
        errors.append(
          .init(field: "\(field).\(name)", code: "format", message: "must not have control characters"))
      }
      return trimmed
    }
    let country = address.country.uppercased()
    if country.utf8.count != 2 || !country.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) {
      errors.append(
        .init(field: "\(field).country", code: "format", message: "must be an ISO 3166-1 alpha-2 code such as DE"))
    }
    return OrderAddress(
      name: text("name", address.name, 100, isNeeded: true) ?? "", company: text("company", address.company, 100),
      line1: text("line1", address.line1, 200, isNeeded: true) ?? "", line2: text("line2", address.line2, 200),
      city: text("city", address.city, 100), region: text("region", address.region, 100),
      postalCode: text("postal_code", address.postalCode, 20), country: country,
      phone: text("phone", address.phone, 32))
  }
}
