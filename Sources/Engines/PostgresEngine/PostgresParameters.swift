import GravityData
import struct Foundation.Date
import struct Foundation.UUID

/// Values in the form that libpq takes them: parallel arrays of pointers, lengths and formats.
struct PostgresParameters {
  struct Pointers {
    let count: Int32
    let values: UnsafePointer<UnsafePointer<CChar>?>?
    let lengths: UnsafePointer<Int32>?
    let formats: UnsafePointer<Int32>?
  }

  private var bytes: [UInt8] = []
  private var offsets: [Int?] = []
  private var lengths: [Int32] = []
  private var formats: [Int32] = []

  init(_ values: [SQLValue]) {
    bytes.reserveCapacity(values.count * 16 + 1)
    for value in values {
      let start = bytes.count
      let isNull = if case .null = value { true } else { false }
      append(value)
      offsets.append(isNull ? nil : start)
      lengths.append(Int32(bytes.count - start))
      // Text stays text, so that the server may take it for what the place wants.
      if case .text = value {
        bytes.append(0)
        formats.append(0)
      } else {
        formats.append(1)
      }
    }
    if bytes.isEmpty { bytes.append(0) }
  }

  func withPointers<R>(_ body: (Pointers) -> R) -> R {
    bytes.withUnsafeBytes { bytes in
      let start = bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
      let values = offsets.map { $0.map { start + $0 } }
      return values.withUnsafeBufferPointer { values in
        lengths.withUnsafeBufferPointer { lengths in
          formats.withUnsafeBufferPointer { formats in
            body(
              Pointers(
                count: Int32(values.count), values: values.baseAddress, lengths: lengths.baseAddress,
                formats: formats.baseAddress))
          }
        }
      }
    }
  }

  private mutating func append(_ value: SQLValue) {
    switch value {
    case .null: break
    case .text(let text): bytes.append(contentsOf: text.utf8)
    case .bigint(let integer): append(integer)
    case .double(let double): append(double.bitPattern)
    case .boolean(let boolean): bytes.append(boolean ? 1 : 0)
    case .uuid(let uuid): withUnsafeBytes(of: uuid.uuid) { bytes.append(contentsOf: $0) }
    case .timestamptz(let time): append(time.sqlMicroseconds - PostgresType.epoch)
    case .jsonb(let text):
      // The version of the binary form.
      bytes.append(1)
      bytes.append(contentsOf: text.utf8)
    case .bytea(let value): bytes.append(contentsOf: value)
    }
  }

  private mutating func append<Integer: FixedWidthInteger>(_ integer: Integer) {
    withUnsafeBytes(of: integer.bigEndian) { bytes.append(contentsOf: $0) }
  }
}

/// The server's built-in types by their object identifiers (`pg_type.dat`).
enum PostgresType {
  static let bool: UInt32 = 16
  static let bytea: UInt32 = 17
  static let int8: UInt32 = 20
  static let float8: UInt32 = 701
  static let timestamptz: UInt32 = 1184
  static let uuid: UInt32 = 2950
  static let jsonb: UInt32 = 3802

  /// PostgreSQL counts from 2000-01-01, here in microseconds since 1970.
  static let epoch: Int64 = 946_684_800_000_000
}

extension SQLValue {
  /// Text is left to the server to infer: a declared text would not compare with a `uuid`, nor go into `jsonb`. Where
  /// nothing tells it (`$1 IS NULL`), write `CAST(… AS text)`, which both engines take.
  var postgresType: UInt32 {
    switch type {
    case .text: 0
    case .bigint: PostgresType.int8
    case .double: PostgresType.float8
    case .boolean: PostgresType.bool
    case .uuid: PostgresType.uuid
    case .timestamptz: PostgresType.timestamptz
    case .jsonb: PostgresType.jsonb
    case .bytea: PostgresType.bytea
    }
  }
}
