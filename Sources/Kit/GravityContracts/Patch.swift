/// A field of a PATCH: left out, set to null, or given a value. Declare the property as `Patch<T>`, not optional.
public enum Patch<Value: Codable & Sendable>: Sendable {
  case absent
  case null
  case value(Value)

  /// The value to store, given what is there now.
  public func applied(to current: Value?) -> Value? {
    switch self {
    case .absent: current
    case .null: nil
    case .value(let value): value
    }
  }
}

extension Patch: Equatable where Value: Equatable {}
extension Patch: Hashable where Value: Hashable {}

extension Patch: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    self = container.decodeNil() ? .null : .value(try container.decode(Value.self))
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .absent, .null: try container.encodeNil()
    case .value(let value): try container.encode(value)
    }
  }
}

// Synthesised conformances of types with a `Patch` property find these by overload.
extension KeyedDecodingContainer {
  public func decode<Value>(_ type: Patch<Value>.Type, forKey key: Key) throws -> Patch<Value> {
    guard contains(key) else { return .absent }
    return try decodeNil(forKey: key) ? .null : decodeIfPresent(Value.self, forKey: key).map(Patch.value) ?? .null
  }
}

extension KeyedEncodingContainer {
  public mutating func encode<Value>(_ value: Patch<Value>, forKey key: Key) throws {
    switch value {
    case .absent: break
    case .null: try encodeNil(forKey: key)
    case .value(let value): try encode(value, forKey: key)
    }
  }
}
