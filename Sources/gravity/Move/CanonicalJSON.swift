/// JSON in one form for each value, whatever white space, order of members or spelling of numbers it was written in.
///
/// PostgreSQL keeps `jsonb` as values and writes it anew, SQLite keeps the text. Members are ordered by the bytes of
/// their names, the last of several of one name counts (as in `jsonb`), strings have the fewest escapes, and a number is
/// its digits with a power of ten: `1.50`, `15e-1` and `1.5` are one, however many digits there are.
struct CanonicalJSON {
  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  /// - Throws: ``ForeignValue`` for what is no JSON, and for what is nested more than 1 000 deep.
  static func bytes(of text: String) throws(ForeignValue) -> [UInt8] {
    var reader = CanonicalJSON(bytes: Array(text.utf8))
    let value = try reader.value()
    reader.skipSpace()
    guard reader.position == reader.bytes.count else { throw reader.malformed }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private var malformed: ForeignValue { ForeignValue(description: "a text that is no JSON, at byte \(position)") }

  private mutating func value() throws(ForeignValue) -> [UInt8] {
    skipSpace()
    switch peek {
    case UInt8(ascii: "{"): return try nested { reader throws(ForeignValue) in try reader.object() }
    case UInt8(ascii: "["): return try nested { reader throws(ForeignValue) in try reader.array() }
    case UInt8(ascii: "\""): return Self.quoted(try string())
    case UInt8(ascii: "t"): return try literal("true")
    case UInt8(ascii: "f"): return try literal("false")
    case UInt8(ascii: "n"): return try literal("null")
    default: return try number()
    }
  }

  private mutating func nested(
    _ body: (inout CanonicalJSON) throws(ForeignValue) -> [UInt8]
  ) throws(ForeignValue) -> [UInt8] {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 1_000 else { throw ForeignValue(description: "JSON nested more than 1 000 deep") }
    position += 1
    return try body(&self)
  }

  private mutating func object() throws(ForeignValue) -> [UInt8] {
    var members: [(name: [UInt8], value: [UInt8], number: Int)] = []
    skipSpace()
    if take("}") { return Array("{}".utf8) }
    while true {
      skipSpace()
      guard peek == UInt8(ascii: "\"") else { throw malformed }
      let name = try string()
      skipSpace()
      guard take(":") else { throw malformed }
      members.append((name, try value(), members.count))
      skipSpace()
      if take("}") { break }
      guard take(",") else { throw malformed }
    }
    members.sort { $0.name == $1.name ? $0.number < $1.number : $0.name.lexicographicallyPrecedes($1.name) }
    var result: [UInt8] = [UInt8(ascii: "{")]
    for (index, member) in members.enumerated() {
      if index + 1 < members.count, members[index + 1].name == member.name { continue }
      if result.count > 1 { result.append(UInt8(ascii: ",")) }
      result += Self.quoted(member.name) + [UInt8(ascii: ":")] + member.value
    }
    return result + [UInt8(ascii: "}")]
  }

  private mutating func array() throws(ForeignValue) -> [UInt8] {
    var result: [UInt8] = [UInt8(ascii: "[")]
    skipSpace()
    if take("]") { return Array("[]".utf8) }
    while true {
      result += try value()
      skipSpace()
      if take("]") { return result + [UInt8(ascii: "]")] }
      guard take(",") else { throw malformed }
      result.append(UInt8(ascii: ","))
    }
  }

  /// The string's own bytes, without quotes and escapes.
  private mutating func string() throws(ForeignValue) -> [UInt8] {
    position += 1
    var result: [UInt8] = []
    while let byte = peek {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return result
      case UInt8(ascii: "\\"): try appendEscaped(to: &result)
      case 0..<0x20: throw malformed
      default: result.append(byte)
      }
    }
    throw malformed
  }

  private mutating func appendEscaped(to result: inout [UInt8]) throws(ForeignValue) {
    guard let byte = peek else { throw malformed }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
    case UInt8(ascii: "b"): result.append(8)
    case UInt8(ascii: "f"): result.append(12)
    case UInt8(ascii: "n"): result.append(10)
    case UInt8(ascii: "r"): result.append(13)
    case UInt8(ascii: "t"): result.append(9)
    case UInt8(ascii: "u"):
      var code = try unit()
      if (0xD800..<0xDC00).contains(code) {
        guard take("\\"), take("u") else { throw malformed }
        let low = try unit()
        guard (0xDC00..<0xE000).contains(low) else { throw malformed }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw malformed }
      result += Array(String(Character(scalar)).utf8)
    default: throw malformed
    }
  }

  private mutating func unit() throws(ForeignValue) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(UnicodeScalar(byte)).hexDigitValue else { throw malformed }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }

  /// Its significant digits and the power of ten of the last one.
  private mutating func number() throws(ForeignValue) -> [UInt8] {
    let isNegative = take("-")
    var digits = digitRun()
    guard !digits.isEmpty, digits.count == 1 || digits[0] != UInt8(ascii: "0") else { throw malformed }
    var exponent = 0
    if take(".") {
      let fraction = digitRun()
      guard !fraction.isEmpty else { throw malformed }
      digits += fraction
      exponent -= fraction.count
    }
    if take("e") || take("E") {
      let isSmall = take("-")
      if !isSmall { _ = take("+") }
      guard let power = Int(String(decoding: digitRun(), as: UTF8.self)), power < 1_000_000_000 else { throw malformed }
      exponent += isSmall ? -power : power
    }
    digits = Array(digits.drop { $0 == UInt8(ascii: "0") })
    if digits.isEmpty { return [UInt8(ascii: "0")] }
    while digits.last == UInt8(ascii: "0") {
      digits.removeLast()
      exponent += 1
    }
    return (isNegative ? [UInt8(ascii: "-")] : []) + digits + (exponent == 0 ? [] : Array("e\(exponent)".utf8))
  }

  private mutating func digitRun() -> [UInt8] {
    let start = position
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    return Array(bytes[start..<position])
  }

  private mutating func literal(_ text: StaticString) throws(ForeignValue) -> [UInt8] {
    let expected = text.withUTF8Buffer { Array($0) }
    guard bytes[position...].starts(with: expected) else { throw malformed }
    position += expected.count
    return expected
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private static func quoted(_ string: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [UInt8(ascii: "\"")]
    for byte in string {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += [UInt8(ascii: "\\"), byte]
      case 0..<0x20: result += Array("\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
      default: result.append(byte)
      }
    }
    return result + [UInt8(ascii: "\"")]
  }
}
