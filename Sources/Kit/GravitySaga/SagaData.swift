import Foundation
import GravityContracts
import GravityData

/// How a saga's state and what arrives for it are kept: as JSON text, since nobody but us reads them.
enum SagaData {
  static func encode(_ state: some Encodable) throws -> String {
    let data = try JSONEncoder().encode(state)
    guard data.count <= SagaStore.greatestState else { throw SagaError.stateTooLarge(data.count) }
    return String(decoding: data, as: UTF8.self)
  }

  /// - Throws: ``SagaUndecodable``.
  static func decode<State: Decodable>(_ text: String, as type: State.Type = State.self) throws -> State {
    do {
      return try JSONDecoder().decode(State.self, from: Data(text.utf8))
    } catch {
      throw SagaUndecodable(error)
    }
  }

  static func encodePayload(_ payload: JSONValue) throws -> String {
    let encoder = JSONEncoder()
    // The same payload is the same text.
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data = try encoder.encode(payload)
    guard data.count <= SagaStore.greatestPayload else { throw SagaError.payloadTooLarge(data.count) }
    return String(decoding: data, as: UTF8.self)
  }
}

/// A saga's state is none that this build can read.
struct SagaUndecodable: Error, CustomStringConvertible {
  let description: String

  /// Says where, but not what was there: the state may be personal.
  init(_ error: any Error) {
    let place: String =
      switch error {
      case DecodingError.keyNotFound(let key, let context): Self.path(context.codingPath + [key]) + " is missing"
      case DecodingError.typeMismatch(let type, let context): Self.path(context.codingPath) + " is no \(type)"
      case DecodingError.valueNotFound(let type, let context): Self.path(context.codingPath) + " is no \(type)"
      case DecodingError.dataCorrupted(let context): Self.path(context.codingPath) + " is malformed"
      default: "it is malformed"
      }
    description = "this build cannot read the saga's state: \(place)"
  }

  private static func path(_ keys: [any CodingKey]) -> String {
    keys.isEmpty ? "it" : keys.map(\.stringValue).joined(separator: ".")
  }
}

/// An enum as a column holds it.
struct Stored<Value: RawRepresentable<String> & Sendable>: SQLDecodable, Sendable {
  let value: Value

  init(sqlCell cell: SQLCell) throws(SQLMismatch) {
    guard case .text(let text) = cell, let value = Value(rawValue: text) else {
      throw SQLMismatch(cell, wanted: "\(Value.self)")
    }
    self.value = value
  }
}

/// What sagas are measured by: the database's clock, or a test's.
struct SagaClock: Sendable {
  let now: @Sendable (any Transaction) throws -> Date

  static let database = SagaClock { try $0.now }
}
