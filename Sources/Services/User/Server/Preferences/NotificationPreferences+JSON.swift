import GravityContracts
import UserAPI

extension NotificationPreferences {
  /// - Throws: `Problem` 422 with the fields that are wrong.
  init(checking value: JSONObject) throws {
    var errors: [Problem.FieldError] = []
    var choices: [NotificationChannel: [NotificationCategory: Bool]] = [:]
    func refuse(_ field: String, _ code: String, _ message: String) {
      errors.append(.init(field: field, code: code, message: message))
    }
    for (name, member) in value.members.sorted(by: { $0.key < $1.key }) {
      let field = "value.\(name.prefix(64))"
      guard let channel = NotificationChannel(rawValue: name) else {
        refuse(field, "unknown", "is not one of \(Self.list(NotificationChannel.self))")
        continue
      }
      guard case .object(let categories) = member else {
        refuse(field, "type", "must be an object")
        continue
      }
      for (name, member) in categories.sorted(by: { $0.key < $1.key }) {
        let field = "\(field).\(name.prefix(64))"
        guard let category = NotificationCategory(rawValue: name) else {
          refuse(field, "unknown", "is not one of \(Self.list(NotificationCategory.self))")
          continue
        }
        switch (channel, category, member) {
        case (.email, .security, .bool(false)): refuse(field, "required", "cannot be switched off")
        case (_, _, .bool(let isOn)): choices[channel, default: [:]][category] = isOn
        default: refuse(field, "type", "must be true or false")
        }
      }
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    self.init(choices: choices)
  }

  /// What was set.
  var object: JSONObject {
    JSONObject(
      Dictionary(
        uniqueKeysWithValues: choices.map { channel, categories in
          let members = categories.map { ($0.key.rawValue, JSONValue.bool($0.value)) }
          return (channel.rawValue, JSONValue.object(Dictionary(uniqueKeysWithValues: members)))
        }))
  }

  /// With the defaults.
  var complete: JSONObject {
    JSONObject(
      Dictionary(
        uniqueKeysWithValues: NotificationChannel.allCases.map { channel in
          let members = NotificationCategory.allCases.map { ($0.rawValue, JSONValue.bool(isOn(channel, $0))) }
          return (channel.rawValue, JSONValue.object(Dictionary(uniqueKeysWithValues: members)))
        }))
  }

  private static func list<Value: CaseIterable & RawRepresentable>(_ type: Value.Type) -> String
  where Value.RawValue == String { type.allCases.map(\.rawValue).joined(separator: ", ") }
}
