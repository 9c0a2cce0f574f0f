import Foundation

/// Reads JSON strictly (RFC 8259) without making anything of it, because Foundation's decoder takes duplicate keys and
/// trailing commas and cannot say where a text is wrong.
struct JSONScan {
  /// What is wrong and where.
  struct Fault: Error, Equatable {
    var reason: String
    /// From 1.
    var line: Int
    /// In characters, from 1.
    var column: Int
  }

  /// Nesting deeper than this is refused.
  static let greatestDepth = 64

  private let bytes: UnsafeRawBufferPointer
  private var index = 0

  /// - Throws: ``Fault`` at the first place that is wrong.
  static func check(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
    var scan = JSONScan(bytes)
    try scan.value(depth: 0)
    scan.skipBlanks()
    guard scan.index == bytes.count else { throw scan.fault("there is something after the value") }
  }

  private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func skipBlanks() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x09, 0x0A, 0x0D: index += 1
      default: return
      }
    }
  }

  private mutating func value(depth: Int) throws(Fault) {
    guard depth <= Self.greatestDepth else { throw fault("is nested deeper than \(Self.greatestDepth) levels") }
    skipBlanks()
    switch current {
    case UInt8(ascii: "{"): try object(depth: depth)
    case UInt8(ascii: "["): try array(depth: depth)
    case UInt8(ascii: "\""): try string()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): try number()
    case nil: throw fault("ends where a value should be")
    default: throw fault("a value should be here")
    }
  }

  private mutating func object(depth: Int) throws(Fault) {
    index += 1
    skipBlanks()
    if current == UInt8(ascii: "}") { return index += 1 }
    var seen: Set<[UInt8]> = []
    while true {
      skipBlanks()
      guard current == UInt8(ascii: "\"") else { throw fault("a name in quotes should be here") }
      let start = index
      try string()
      let name = unescaped(start..<index)
      guard seen.insert(Array(name.utf8)).inserted else {
        index = start
        throw fault("the name \"\(name.prefix(64))\" stands twice")
      }
      skipBlanks()
      guard current == UInt8(ascii: ":") else { throw fault("a colon should be here") }
      index += 1
      try value(depth: depth + 1)
      skipBlanks()
      switch current {
      case UInt8(ascii: ","): index += 1
      case UInt8(ascii: "}"): return index += 1
      default: throw fault("a comma or } should be here")
      }
    }
  }

  private mutating func array(depth: Int) throws(Fault) {
    index += 1
    skipBlanks()
    if current == UInt8(ascii: "]") { return index += 1 }
    while true {
      try value(depth: depth + 1)
      skipBlanks()
      switch current {
      case UInt8(ascii: ","): index += 1
      case UInt8(ascii: "]"): return index += 1
      default: throw fault("a comma or ] should be here")
      }
    }
  }

  private mutating func string() throws(Fault) {
    let start = index
    index += 1
    while let byte = current {
      switch byte {
      case UInt8(ascii: "\""):
        index += 1
        guard isUTF8(start..<index) else {
          index = start
          throw fault("the string is not UTF-8")
        }
        return
      case UInt8(ascii: "\\"): try escape()
      case 0..<0x20: throw fault("a control character must be escaped")
      default: index += 1
      }
    }
    throw fault("the string is not closed")
  }

  /// The name as the decoder will read it: `\u0061` is `a`.
  private func unescaped(_ quoted: Range<Int>) -> String {
    let slice = bytes[quoted]
    guard slice.contains(UInt8(ascii: "\\")), let name = try? JSONDecoder().decode(String.self, from: Data(slice))
    else {
      return String(decoding: slice.dropFirst().dropLast(), as: UTF8.self)
    }
    return name
  }

  private func isUTF8(_ range: Range<Int>) -> Bool {
    String(validating: bytes[range], as: UTF8.self) != nil
  }

  private mutating func escape() throws(Fault) {
    index += 1
    switch current {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      index += 1
    case UInt8(ascii: "u"):
      let unit = try unicodeUnit()
      if unit == 0 { throw fault("NUL is not taken in a string") }
      guard (0xD800...0xDFFF).contains(unit) else { return }
      guard unit < 0xDC00, current == UInt8(ascii: "\\"), index + 1 < bytes.count,
        bytes[index + 1] == UInt8(ascii: "u")
      else { throw fault("half of a surrogate pair stands alone") }
      index += 1
      guard (0xDC00...0xDFFF).contains(try unicodeUnit()) else { throw fault("half of a surrogate pair stands alone") }
    default: throw fault("there is no such escape")
    }
  }

  /// Reads `uXXXX`.
  private mutating func unicodeUnit() throws(Fault) -> UInt32 {
    var unit: UInt32 = 0
    for offset in 1...4 {
      guard index + offset < bytes.count, let digit = Character(UnicodeScalar(bytes[index + offset])).hexDigitValue,
        bytes[index + offset] < 0x80
      else { throw fault("four hex digits should follow \\u") }
      unit = unit << 4 | UInt32(digit)
    }
    index += 5
    return unit
  }

  private mutating func number() throws(Fault) {
    let start = index
    if current == UInt8(ascii: "-") { index += 1 }
    if current == UInt8(ascii: "0") { index += 1 } else { try digits() }
    if current == UInt8(ascii: ".") {
      index += 1
      try digits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      index += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { index += 1 }
      try digits()
    }
    guard index - start <= 64 else {
      index = start
      throw fault("the number has more than 64 characters")
    }
  }

  private mutating func digits() throws(Fault) {
    let start = index
    while let byte = current, (48...57).contains(byte) { index += 1 }
    guard index > start else { throw fault("a digit should be here") }
  }

  private mutating func word(_ word: StaticString) throws(Fault) {
    for offset in 0..<word.utf8CodeUnitCount {
      guard current == word.utf8Start[offset] else { throw fault("a value should be here") }
      index += 1
    }
  }

  private func fault(_ reason: String) -> Fault {
    let before = bytes[..<min(index, bytes.count)]
    let line = before.count(where: { $0 == 0x0A }) + 1
    let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    // Bytes that go on with a character are not counted.
    let column = before[start...].count(where: { $0 & 0xC0 != 0x80 }) + 1
    return Fault(reason: reason, line: line, column: column)
  }
}
