import Crypto
import Foundation

/// SHA-256 over the rows of a table in the order of their keys: the same on both engines if, and only if, the rows are.
///
/// Each value goes in with its kind and, where it can vary, its length, so that no two tables read alike. −0.0 counts as
/// 0.0: they are equal to SQL, and SQLite does not keep them apart.
struct RowDigest {
  private(set) var rows = 0
  private var hash = SHA256()
  private var buffer: [UInt8] = []

  /// - Throws: ``ForeignValue`` for a JSON column that holds none.
  mutating func add(_ row: [MovedValue]) throws(ForeignValue) {
    rows += 1
    for value in row { try value.appendCanonical(to: &buffer) }
    if buffer.count > 1 << 16 { flush() }
  }

  /// 64 hexadecimal digits.
  mutating func finish() -> String {
    flush()
    return hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  private mutating func flush() {
    hash.update(data: buffer)
    buffer.removeAll(keepingCapacity: true)
  }
}

extension MovedValue {
  /// The value's one form: kind, length, bytes; numbers with the highest byte first.
  func appendCanonical(to bytes: inout [UInt8]) throws(ForeignValue) {
    switch self {
    case .null: bytes.append(0)
    case .text(let text): Self.append(1, Array(text.utf8), &bytes)
    case .integer(let integer): Self.append(2, UInt64(bitPattern: integer), &bytes)
    case .double(let double): Self.append(3, (double == 0 ? 0.0 : double).bitPattern, &bytes)
    case .boolean(let boolean): bytes += [4, boolean ? 1 : 0]
    case .uuid(let uuid):
      bytes.append(5)
      withUnsafeBytes(of: uuid.uuid) { bytes.append(contentsOf: $0) }
    case .time(let microseconds): Self.append(6, UInt64(bitPattern: microseconds), &bytes)
    case .json(let text): Self.append(7, try CanonicalJSON.bytes(of: text), &bytes)
    case .bytes(let value): Self.append(8, value, &bytes)
    }
  }

  private static func append(_ kind: UInt8, _ number: UInt64, _ bytes: inout [UInt8]) {
    bytes.append(kind)
    withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
  }

  private static func append(_ kind: UInt8, _ content: [UInt8], _ bytes: inout [UInt8]) {
    append(kind, UInt64(content.count), &bytes)
    bytes += content
  }
}
