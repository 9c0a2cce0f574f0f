import Foundation

/// Values as bytes for L2: a line that says what they are, then JSON.
///
/// JSON that decodes is not enough: a build that added an optional field would read the older one's record as if the
/// field were absent.
struct RecordFormat<Value: Codable & Sendable>: Sendable {
  private let tag: [UInt8]

  init(name: String, schema: Int) { tag = Array("\(name)/\(schema)\n".utf8) }

  func encode(_ value: Value) throws -> [UInt8] { tag + (try JSONEncoder().encode(value)) }

  /// - Returns: nil for a record of another schema.
  /// - Throws: what the decoder throws.
  func decode(_ bytes: [UInt8]) throws -> Value? {
    guard bytes.starts(with: tag) else { return nil }
    return try JSONDecoder().decode(Value.self, from: Data(bytes.dropFirst(tag.count)))
  }
}
