import Foundation
import GravityContracts
import UserAPI

/// What an address says, as it is kept: checked by the rules of its country.
struct AddressFields: Sendable, Hashable {
  var name: String
  var company: String?
  var line1: String
  var line2: String?
  var city: String?
  var region: String?
  var postalCode: String?
  var country: String
  var phone: String?

  /// - Throws: `Problem` 422 with everything that is wrong. What forms send empty counts as left out.
  init(checking address: NewPostalAddress) throws {
    var errors: [Problem.FieldError] = []
    func optional(_ field: String, _ text: String?, _ greatestCount: Int) -> String? {
      guard let text, !text.allSatisfy(\.isWhitespace) else { return nil }
      return PlainText(field, greatestCount).checked(text, &errors)
    }
    name = PlainText("name", of: NewPostalAddress.self).checked(address.name, &errors) ?? ""
    company = optional("company", address.company, 100)
    line1 = PlainText("line1", of: NewPostalAddress.self).checked(address.line1, &errors) ?? ""
    line2 = optional("line2", address.line2, 200)
    city = optional("city", address.city, 100)
    phone = Self.given(address.phone).flatMap { ProfileChanges.phone($0, "phone", &errors) }
    guard let known = Country(address.country) else {
      errors.append(
        .init(field: "country", code: "unknown", message: "must be an ISO 3166-1 alpha-2 code such as DE"))
      throw Problem.invalid(errors)
    }
    country = known.code
    if known.needsCity, Self.given(address.city) == nil {
      errors.append(.init(field: "city", code: "required", message: "is needed in an address in \(known.code)"))
    }
    region = Self.region(Self.given(address.region), known, &errors)
    postalCode = Self.postalCode(Self.given(address.postalCode), known, &errors)
    guard errors.isEmpty else { throw Problem.invalid(errors) }
  }

  private static func given(_ text: String?) -> String? {
    guard let text, !text.allSatisfy(\.isWhitespace) else { return nil }
    return text
  }

  private static func region(_ text: String?, _ country: Country, _ errors: inout [Problem.FieldError]) -> String? {
    let isKnown = Subdivisions.areKnown(of: country.code)
    let rule = isKnown ? "must be an ISO 3166-2 code of \(country.code), with or without \(country.code)-" : ""
    guard let text else {
      if country.needsRegion { errors.append(.init(field: "region", code: "required", message: rule)) }
      return nil
    }
    guard isKnown else { return PlainText("region", 200).checked(text, &errors) }
    let code = Subdivisions.code(of: text.trimmingCharacters(in: .whitespacesAndNewlines), in: country.code)
    if code == nil { errors.append(.init(field: "region", code: "unknown", message: rule)) }
    return code
  }

  private static func postalCode(
    _ text: String?, _ country: Country, _ errors: inout [Problem.FieldError]
  ) -> String? {
    let format = country.postalCode
    guard let text else {
      if let format, format.isRequired {
        let message = "is needed in an address in \(country.code), such as \(format.example)"
        errors.append(.init(field: "postal_code", code: "required", message: message))
      }
      return nil
    }
    guard let plain = PlainText("postal_code", 20).checked(text, &errors) else { return nil }
    guard let format else { return plain.uppercased() }
    let code = format.normalized(plain)
    if code == nil {
      let message = "is not a postal code of \(country.code), such as \(format.example)"
      errors.append(.init(field: "postal_code", code: "format", message: message))
    }
    return code
  }
}

extension AddressFields {
  /// What it would be with the changes, not checked.
  /// - Throws: `Problem` 422 where null is given for what may not be missing.
  func changed(by update: PostalAddressUpdate) throws -> NewPostalAddress {
    var errors: [Problem.FieldError] = []
    func needed<Value>(_ field: String, _ patch: Patch<Value>, _ current: Value) -> Value {
      if case .null = patch {
        errors.append(.init(field: field, code: "required", message: "must not be null"))
      }
      return patch.applied(to: current) ?? current
    }
    let address = NewPostalAddress(
      name: needed("name", update.name, name), company: update.company.applied(to: company),
      line1: needed("line1", update.line1, line1), line2: update.line2.applied(to: line2),
      city: update.city.applied(to: city), region: update.region.applied(to: region),
      postalCode: update.postalCode.applied(to: postalCode), country: needed("country", update.country, country),
      phone: update.phone.applied(to: phone),
      defaultShipping: needed("default_shipping", update.defaultShipping, false),
      defaultBilling: needed("default_billing", update.defaultBilling, false))
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return address
  }
}

extension PostalAddressUpdate {
  /// Whether anything but the defaults changes.
  var touchesFields: Bool {
    [name, company, line1, line2, city, region, postalCode, country, phone].contains { $0 != .absent }
  }
}
