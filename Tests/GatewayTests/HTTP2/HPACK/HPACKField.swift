import NIOCore

@testable import Gateway

/// Where NIOHPACK's are there, too.
typealias OwnDecoder = HPACKDecoder
typealias OwnEncoder = HPACKEncoder

struct HPACKField: Equatable, CustomStringConvertible {
  var name: [UInt8]
  var value: [UInt8]

  init(_ name: [UInt8], _ value: [UInt8]) {
    self.name = name
    self.value = value
  }

  init(_ name: String, _ value: String) { self.init(Array(name.utf8), Array(value.utf8)) }

  init(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) { self.init(Array(name), Array(value)) }

  var description: String { "\(String(decoding: name, as: UTF8.self)): \(String(decoding: value, as: UTF8.self))" }

  var isText: Bool { String(validating: name, as: UTF8.self) != nil && String(validating: value, as: UTF8.self) != nil }
}

extension HPACKDecoder {
  mutating func fields(_ block: [UInt8]) throws(Malformed) -> [HPACKField] {
    var fields: [HPACKField] = []
    // A copy of its own, so that a sanitizer would see a read beyond the end.
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: block.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: block)
    let whole = try decode(UnsafeRawBufferPointer(copy)) { name, value in
      fields.append(HPACKField(name, value))
      return true
    }
    assert(whole)
    return fields
  }
}

extension HPACKEncoder {
  mutating func encode(_ field: HPACKField, _ indexing: Indexing, into output: inout ByteBuffer) {
    field.name.withUnsafeBytes { name in
      field.value.withUnsafeBytes { value in
        encode(name: name, value: value, indexing, into: &output)
      }
    }
  }

  mutating func block(_ fields: [(HPACKField, Indexing)]) -> [UInt8] {
    var output = ByteBuffer()
    beginBlock(into: &output)
    for (field, indexing) in fields { encode(field, indexing, into: &output) }
    return Array(output.readableBytesView)
  }

  mutating func block(_ fields: [HPACKField], _ indexing: Indexing = .indexable) -> [UInt8] {
    block(fields.map { ($0, indexing) })
  }
}

extension HPACKDynamicTable {
  /// From the newest to the oldest, as Appendix C lists them.
  var fields: [HPACKField] {
    (oldest..<inserted).reversed().map { number in withField(number) { HPACKField($0, $1) } }
  }
}

/// The octets of hexadecimal digits with white space between them.
func octets(_ hexadecimal: String) -> [UInt8] {
  let digits = hexadecimal.filter { !$0.isWhitespace }.map { UInt8($0.hexDigitValue!) }
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
