import Foundation
import GravityContracts

/// A decoder that has nothing to decode and remembers what it was asked for.
final class SchemaProbe: Decoder {
  private(set) var found: Schema
  let open: Set<ObjectIdentifier>
  var mayBeNull: Set<String> = []
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]

  private init(_ type: Any.Type, open: Set<ObjectIdentifier>) {
    found = .unknown("\(type)")
    self.open = open
  }

  /// The schema and a value to go on with; the value is missing when the type refuses what a probe can offer.
  static func value<T: Decodable>(of type: T.Type, open: Set<ObjectIdentifier>) -> (schema: Schema, value: T?) {
    if let describing = type as? any SchemaDescribing.Type { return (describing.schema, describing.example as? T) }
    switch type {
    case is UUID.Type: return (.string(format: "uuid"), UUID() as? T)
    case is Date.Type: return (.string(format: "date-time"), Date() as? T)
    case is URL.Type: return (.string(format: "uri"), URL(string: "/") as? T)
    case is Data.Type: return (.string(format: "byte"), Data() as? T)
    default: break
    }
    if let cases = (type as? any CaseIterable.Type)?.probed, let first = cases.first as? T,
      cases.allSatisfy({ $0 is any RawRepresentable<String> })
    {
      return (.string(values: cases.compactMap { ($0 as? any RawRepresentable<String>)?.rawValue }), first)
    }
    let name = schemaName(type)
    guard !open.contains(ObjectIdentifier(type)) else { return (.object([], name: name), nil) }
    let probe = SchemaProbe(type, open: open.union([ObjectIdentifier(type)]))
    let value = try? T(from: probe)
    guard case .object(let fields, _) = probe.found else { return (probe.found, value) }
    let schema = Schema.object(fields, name: name)
    return ((type as? any FieldBounded.Type).map { schema.bounded(by: $0) } ?? schema, value)
  }

  /// `Page<Account>` → `AccountPage`, since a component's name takes letters, digits, `.`, `_` and `-` only; and
  /// `KeySet.Key` → `KeySetKey`, since another type may have a `Key`, too.
  private static func schemaName(_ type: Any.Type) -> String {
    let parts = String(reflecting: type).split { "<>, ".contains($0) }.map { part in
      // Without its module.
      part.split(separator: ".").dropFirst().joined().filter { $0.isLetter || $0.isNumber || $0 == "_" }
    }
    return parts.reversed().joined()
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    if case .object = found {} else { found = .object([], name: "") }
    return KeyedDecodingContainer(ProbedObject(probe: self))
  }
  func unkeyedContainer() -> any UnkeyedDecodingContainer { ProbedItems(probe: self) }
  func singleValueContainer() -> any SingleValueDecodingContainer { ProbedScalar(probe: self) }

  func note(_ name: String, _ schema: Schema, isRequired: Bool) {
    guard case .object(var fields, let type) = found, !fields.contains(where: { $0.name == name }) else { return }
    fields.append(.init(name: name, schema: schema, isRequired: isRequired))
    found = .object(fields, name: type)
  }

  func settle(on schema: Schema) { found = schema }

  var hasFields: Bool { if case .object(let fields, _) = found { !fields.isEmpty } else { false } }
}

extension CaseIterable {
  fileprivate static var probed: [Any] { Array(allCases) }
}

private struct Unprobeable: Error {}

private struct ProbedObject<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let probe: SchemaProbe
  var codingPath: [any CodingKey] { [] }
  // Only a dictionary's key type takes any name.
  var allKeys: [Key] { Key(stringValue: "*").map { [$0] } ?? [] }

  func contains(_ key: Key) -> Bool { true }
  // Synthesised code never asks this; `Patch` does, because its fields may be null.
  func decodeNil(forKey key: Key) -> Bool {
    probe.mayBeNull.insert(key.stringValue)
    return false
  }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try decode(type, key, isRequired: true) }
  func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) -> T? {
    try? decode(type, key, isRequired: false)
  }
  // The synthesised code calls these for standard types, so the generic one alone is not enough.
  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) -> Bool? { try? decode(type, key, isRequired: false) }
  func decodeIfPresent(_ type: String.Type, forKey key: Key) -> String? { try? decode(type, key, isRequired: false) }
  func decodeIfPresent(_ type: Double.Type, forKey key: Key) -> Double? { try? decode(type, key, isRequired: false) }
  func decodeIfPresent(_ type: Int.Type, forKey key: Key) -> Int? { try? decode(type, key, isRequired: false) }
  func decodeIfPresent(_ type: Int64.Type, forKey key: Key) -> Int64? { try? decode(type, key, isRequired: false) }

  private func decode<T: Decodable>(_ type: T.Type, _ key: Key, isRequired: Bool) throws -> T {
    let (schema, value) = SchemaProbe.value(of: type, open: probe.open)
    if key.stringValue == "*" {
      // Beside members that it knows, a type may keep those that it does not; JSON Schema allows them to any object.
      if !probe.hasFields { probe.settle(on: .dictionary(schema)) }
    } else {
      let mayBeNull = probe.mayBeNull.contains(key.stringValue)
      probe.note(key.stringValue, mayBeNull ? .nullable(schema) : schema, isRequired: isRequired)
    }
    guard let value else { throw Unprobeable() }
    return value
  }

  func nestedContainer<N: CodingKey>(keyedBy: N.Type, forKey key: Key) throws -> KeyedDecodingContainer<N> {
    throw Unprobeable()
  }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw Unprobeable() }
  func superDecoder() throws -> any Decoder { throw Unprobeable() }
  func superDecoder(forKey key: Key) throws -> any Decoder { throw Unprobeable() }
}

private struct ProbedItems: UnkeyedDecodingContainer {
  let probe: SchemaProbe
  var codingPath: [any CodingKey] { [] }
  var count: Int? { 1 }
  var currentIndex = 0
  var isAtEnd: Bool { currentIndex > 0 }

  init(probe: SchemaProbe) { self.probe = probe }

  mutating func decodeNil() -> Bool { false }
  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    currentIndex += 1
    let (schema, value) = SchemaProbe.value(of: type, open: probe.open)
    probe.settle(on: .array(schema))
    guard let value else { throw Unprobeable() }
    return value
  }
  mutating func nestedContainer<N: CodingKey>(keyedBy: N.Type) throws -> KeyedDecodingContainer<N> {
    throw Unprobeable()
  }
  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Unprobeable() }
  mutating func superDecoder() throws -> any Decoder { throw Unprobeable() }
}

private struct ProbedScalar: SingleValueDecodingContainer {
  let probe: SchemaProbe
  var codingPath: [any CodingKey] { [] }

  func decodeNil() -> Bool { false }
  func decode(_ type: Bool.Type) -> Bool { found(.boolean, false) }
  func decode(_ type: String.Type) -> String { found(.string(), "") }
  func decode(_ type: Double.Type) -> Double { found(.number, 0) }
  func decode(_ type: Float.Type) -> Float { found(.number, 0) }
  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    if let integer = type as? any FixedWidthInteger.Type, let zero = integer.init(exactly: 0) as? T {
      return found(.integer(bits: integer.bitWidth), zero)
    }
    let (schema, value) = SchemaProbe.value(of: type, open: probe.open)
    probe.settle(on: schema)
    guard let value else { throw Unprobeable() }
    return value
  }
  private func found<T>(_ schema: Schema, _ value: T) -> T {
    probe.settle(on: schema)
    return value
  }
}
