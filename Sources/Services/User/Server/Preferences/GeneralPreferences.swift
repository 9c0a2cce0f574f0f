import GravityContracts
import UserAPI

/// The namespace `general`. It is a view of the user's own row, where the profile has its locale and time zone too.
struct GeneralPreferences: Sendable, Hashable {
  var locale: String?
  var timezone: String?
  var theme: Theme?

  init(_ row: UserRow) { (locale, timezone, theme) = (row.locale, row.timezone, row.theme) }

  /// - Throws: `Problem` 422 with the fields that are wrong.
  init(_ value: JSONObject) throws {
    var errors: [Problem.FieldError] = []
    for (name, member) in value.members.sorted(by: { $0.key < $1.key }) {
      let field = "value.\(name.prefix(64))"
      guard ["locale", "timezone", "theme"].contains(name) else {
        errors.append(.init(field: field, code: "unknown", message: "is not one of locale, timezone and theme"))
        continue
      }
      guard case .string(let text) = member else {
        errors.append(.init(field: field, code: "type", message: "must be a string"))
        continue
      }
      switch name {
      case "locale": locale = ProfileChanges.locale(text, field, &errors)
      case "timezone": timezone = ProfileChanges.timezone(text, field, &errors)
      default:
        theme = Theme(rawValue: text)
        if theme == nil {
          errors.append(.init(field: field, code: "unknown", message: "must be light, dark or system"))
        }
      }
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
  }

  func apply(to row: inout UserRow) { (row.locale, row.timezone, row.theme) = (locale, timezone, theme) }

  /// What was set.
  static func object(_ preferences: GeneralPreferences) -> JSONObject {
    var members: [String: JSONValue] = [:]
    members["locale"] = preferences.locale.map(JSONValue.string)
    members["timezone"] = preferences.timezone.map(JSONValue.string)
    members["theme"] = (preferences.theme?.rawValue).map(JSONValue.string)
    return JSONObject(members)
  }

  /// With the defaults.
  func preference(of row: UserRow, _ configuration: UserConfiguration) -> Preference {
    Preference(
      namespace: "general",
      value: [
        "locale": .string(locale ?? configuration.defaultLocale),
        "timezone": .string(timezone ?? configuration.defaultTimezone),
        "theme": .string((theme ?? .system).rawValue),
      ], version: row.version, updatedAt: row.updatedAt)
  }
}
