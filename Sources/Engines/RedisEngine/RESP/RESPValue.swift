package import NIOCore

/// A reply as the server sent it (RESP3). What differs only in how it travels is one case here: simple, bulk and
/// verbatim strings, and arrays and sets.
package enum RESPValue: Sendable, Equatable {
  case string(ByteBuffer)
  case integer(Int64)
  case double(Double)
  case boolean(Bool)
  case null
  /// `NOAUTH Authentication required.`
  case error(String)
  case array([RESPValue])
  /// Keys and values by turns.
  case map([RESPValue])
  /// Out of band: it answers no command.
  case push([RESPValue])

  /// A string or a number as text, where it is UTF-8.
  package var text: String? {
    switch self {
    case .string(let buffer): String(validating: buffer.readableBytesView, as: UTF8.self)
    case .integer(let integer): String(integer)
    default: nil
    }
  }

  package var bytes: [UInt8]? {
    guard case .string(let buffer) = self else { return nil }
    return buffer.getBytes(at: buffer.readerIndex, length: buffer.readableBytes)
  }

  package var integer: Int64? {
    switch self {
    case .integer(let integer): integer
    case .string: text.flatMap { Int64($0) }
    default: nil
    }
  }

  package var elements: [RESPValue]? {
    switch self {
    case .array(let elements), .map(let elements), .push(let elements): elements
    default: nil
    }
  }

  package var isNull: Bool { self == .null }

  /// The value that a map has for a key that is a text.
  package subscript(key: String) -> RESPValue? {
    guard case .map(let pairs) = self else { return nil }
    for index in stride(from: 0, to: pairs.count - 1, by: 2) where pairs[index].text == key { return pairs[index + 1] }
    return nil
  }
}
