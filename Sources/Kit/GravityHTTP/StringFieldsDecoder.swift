import Foundation
import GravityContracts

/// Decodes a struct whose fields arrive as strings (path and query), the rest from `fallback` (the body).
struct StringFieldsDecoder: Decoder {
  let fields: [String: String]
  let fallback: (any Decoder)?
  var codingPath: [any CodingKey] { fallback?.codingPath ?? [] }
  var userInfo: [CodingUserInfoKey: Any] { fallback?.userInfo ?? [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(Fields(strings: fields, rest: try fallback?.container(keyedBy: type)))
  }
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw notAStruct }
  func singleValueContainer() throws -> any SingleValueDecodingContainer { throw notAStruct }
  private var notAStruct: DecodingError {
    .dataCorrupted(.init(codingPath: codingPath, debugDescription: "a request is a struct of fields"))
  }
}

private struct Fields<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let strings: [String: String]
  let rest: KeyedDecodingContainer<Key>?

  var codingPath: [any CodingKey] { rest?.codingPath ?? [] }
  var allKeys: [Key] { (rest?.allKeys ?? []) + strings.keys.compactMap(Key.init(stringValue:)) }
  private func string(_ key: Key) -> String? { strings[key.stringValue] }

  func contains(_ key: Key) -> Bool { string(key) != nil || rest?.contains(key) == true }
  func decodeNil(forKey key: Key) throws -> Bool { try string(key) == nil && rest?.decodeNil(forKey: key) ?? true }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    if let string = string(key) {
      let value = StringValue(string: string, codingPath: codingPath + [key])
      return try value.decode(type)
    }
    guard let rest else {
      throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "missing"))
    }
    return try rest.decode(type, forKey: key)
  }

  func nestedContainer<N: CodingKey>(keyedBy type: N.Type, forKey key: Key) throws -> KeyedDecodingContainer<N> {
    guard let rest else {
      throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "missing"))
    }
    return try rest.nestedContainer(keyedBy: type, forKey: key)
  }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    guard let rest else {
      throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "missing"))
    }
    return try rest.nestedUnkeyedContainer(forKey: key)
  }
  func superDecoder() throws -> any Decoder { StringFieldsDecoder(fields: strings, fallback: nil) }
  func superDecoder(forKey key: Key) throws -> any Decoder { try superDecoder() }
}

/// One string read as whatever scalar the field wants.
private struct StringValue: Decoder, SingleValueDecodingContainer {
  let string: String
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func singleValueContainer() throws -> any SingleValueDecodingContainer { self }
  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> { throw mismatch(type) }
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw mismatch([String].self) }

  func decodeNil() -> Bool { false }
  func decode(_ type: String.Type) throws -> String { string }
  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    switch type {
    case is Date.Type:
      guard let date = WireTime.date(string) as? T else { throw corrupted("is not an RFC 3339 time") }
      return date
    case is UUID.Type:
      guard let id = UUID(uuidString: string) as? T else { throw corrupted("is not a UUID") }
      return id
    case let scalar as any LosslessStringConvertible.Type
    where scalar is any Numeric.Type || scalar is Bool.Type || scalar is String.Type:
      guard let value = scalar.init(string) as? T else { throw mismatch(type) }
      return value
    default: return try T(from: self)
    }
  }
  private func corrupted(_ reason: String) -> DecodingError {
    .dataCorrupted(.init(codingPath: codingPath, debugDescription: reason))
  }
  private func mismatch(_ type: Any.Type) -> DecodingError {
    .typeMismatch(type, .init(codingPath: codingPath, debugDescription: "is not a \(type)"))
  }
}
