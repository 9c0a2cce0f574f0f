import Foundation
import GravityContracts
import UserAPI

/// A namespace, with what may be in it.
enum PreferenceNamespace: Sendable, Hashable {
  case general, notifications
  case app(String)

  /// In bytes, as they are kept.
  static let greatestSize = 8192
  static let greatestDepth = 5
  /// Of `app.`, in one account.
  static let greatestCount = 20

  /// - Throws: `Problem` 404: there is no such place.
  init(_ name: String) throws {
    switch name {
    case "general": self = .general
    case "notifications": self = .notifications
    default:
      guard name.hasPrefix("app."), Self.isName(name.utf8.dropFirst(4)) else {
        throw Problem(
          404, "not_found", "No such preferences",
          detail: "There are general, notifications and app.<name>: 1 to 40 of a–z 0–9 _ -, beginning with a letter.")
      }
      self = .app(name)
    }
  }

  var name: String {
    switch self {
    case .general: "general"
    case .notifications: "notifications"
    case .app(let name): name
    }
  }

  /// What others are told of it.
  var family: String { if case .app = self { "app" } else { name } }

  private static func isName(_ name: Substring.UTF8View) -> Bool {
    (1...40).contains(name.count) && name.first.map { (0x61...0x7A).contains($0) } == true
      && name.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
      }
  }

  /// What is to be kept.
  /// - Throws: `Problem` 422 with the fields that are wrong.
  func checked(_ value: JSONObject) throws -> JSONObject {
    switch self {
    case .general: return GeneralPreferences.object(try GeneralPreferences(value))
    case .notifications: return try NotificationPreferences(checking: value).object
    case .app:
      guard value.depth <= Self.greatestDepth else {
        throw Problem.invalid("value", "too_deep", "must have at most \(Self.greatestDepth) levels")
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      guard try encoder.encode(value).count <= Self.greatestSize else {
        throw Problem.invalid("value", "too_long", "must have at most \(Self.greatestSize) bytes")
      }
      return value
    }
  }
}
