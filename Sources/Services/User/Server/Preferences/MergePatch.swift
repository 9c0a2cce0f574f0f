import GravityContracts
import UserAPI

extension JSONObject {
  /// A merge patch applied (RFC 7396 §2): null takes a member away, an object goes into the object that is there,
  /// anything else takes the place of what is there.
  func merging(_ patch: JSONObject) -> JSONObject { JSONObject(Self.merge(members, patch.members)) }

  private static func merge(_ target: [String: JSONValue], _ patch: [String: JSONValue]) -> [String: JSONValue] {
    var target = target
    for (name, value) in patch {
      switch value {
      case .null: target[name] = nil
      case .object(let members):
        // Into nothing where there is no object, which takes the nulls out of the patch.
        let old: [String: JSONValue] = if case .object(let old)? = target[name] { old } else { [:] }
        target[name] = .object(merge(old, members))
      default: target[name] = value
      }
    }
    return target
  }

  /// How many levels of objects and arrays: `{}` has one.
  var depth: Int { 1 + (members.values.map(\.depth).max() ?? 0) }
}

extension JSONValue {
  fileprivate var depth: Int {
    switch self {
    case .object(let members): 1 + (members.values.map(\.depth).max() ?? 0)
    case .array(let items): 1 + (items.map(\.depth).max() ?? 0)
    default: 0
    }
  }
}
