import NIOCore

/// What the first byte of a line says about the rest.
extension RESPDecoder {
  mutating func head(_ line: ByteBuffer) throws(RESPFault) -> Step {
    var content = line
    guard let type = content.readInteger(as: UInt8.self) else { throw RESPFault(description: "an empty line") }
    switch type {
    case UInt8(ascii: "+"), UInt8(ascii: "("): return .value(.string(content))
    case UInt8(ascii: "-"): return .value(.error(String(buffer: content)))
    case UInt8(ascii: ":"): return .value(.integer(try integer(content)))
    case UInt8(ascii: ","): return .value(.double(try double(content)))
    case UInt8(ascii: "#"): return .value(.boolean(try boolean(content)))
    case UInt8(ascii: "_"):
      guard content.readableBytes == 0 else { throw RESPFault(description: "a null with something in it") }
      return .value(.null)
    case UInt8(ascii: "$"): return try string(.plain, content)
    case UInt8(ascii: "="): return try string(.verbatim, content)
    case UInt8(ascii: "!"): return try string(.error, content)
    case UInt8(ascii: "*"), UInt8(ascii: "~"): return try aggregate(.array, content, each: 1)
    case UInt8(ascii: "%"): return try aggregate(.map, content, each: 2)
    case UInt8(ascii: ">"): return try aggregate(.push, content, each: 1)
    case UInt8(ascii: "|"): return try aggregate(.attribute, content, each: 2)
    default: throw RESPFault(description: "a reply of the unknown type 0x\(String(type, radix: 16))")
    }
  }

  private mutating func string(_ kind: StringKind, _ content: ByteBuffer) throws(RESPFault) -> Step {
    let length = try integer(content)
    // What RESP2 has for null, and scripts still send.
    if length == -1, kind == .plain { return .value(.null) }
    guard length >= 0, length <= limits.reply - taken else { throw tooLarge() }
    string = (Int(length), kind)
    return .head
  }

  private mutating func aggregate(_ kind: AggregateKind, _ content: ByteBuffer, each: Int) throws(RESPFault) -> Step {
    let count = try integer(content)
    if count == -1, kind == .array { return .value(.null) }
    guard count >= 0, count <= limits.elements, elementCount + Int(count) * each <= limits.elements else {
      throw RESPFault(description: "a reply of over \(limits.elements) elements")
    }
    elementCount += Int(count) * each
    // Room is made as elements come, not as they are announced.
    return .level(Level(kind: kind, missing: Int(count) * each, elements: []))
  }

  mutating func readString() throws(RESPFault) -> Step? {
    guard let (length, kind) = string, buffer.readableBytes >= length + 2,
      var content = buffer.readSlice(length: length)
    else { return nil }
    guard buffer.readInteger(as: UInt16.self) == 0x0D0A else {
      throw RESPFault(description: "a string that is longer than it said")
    }
    string = nil
    try take(length + 2)
    switch kind {
    case .plain: return .value(.string(content))
    case .error: return .value(.error(String(buffer: content)))
    case .verbatim:
      // `txt:` or `mkd:`.
      guard let form = content.readBytes(length: 4), form[3] == UInt8(ascii: ":") else {
        throw RESPFault(description: "a verbatim string without its form")
      }
      return .value(.string(content))
    }
  }

  private func integer(_ content: ByteBuffer) throws(RESPFault) -> Int64 {
    let value: Int64? = content.withUnsafeReadableBytes { bytes in
      let isNegative = bytes.first == UInt8(ascii: "-")
      let digits = isNegative || bytes.first == UInt8(ascii: "+") ? bytes[1...] : bytes[...]
      guard (1...19).contains(digits.count) else { return nil }
      var value: Int64 = 0
      for digit in digits {
        guard (48...57).contains(digit) else { return nil }
        // Towards the sign that it has, since the least number has no positive one.
        let (product, overflows) = value.multipliedReportingOverflow(by: 10)
        let (sum, overflowsToo) =
          isNegative
          ? product.subtractingReportingOverflow(Int64(digit - 48))
          : product.addingReportingOverflow(Int64(digit - 48))
        guard !overflows, !overflowsToo else { return nil }
        value = sum
      }
      return value
    }
    guard let value else { throw RESPFault(description: "an integer that is none") }
    return value
  }

  private func double(_ content: ByteBuffer) throws(RESPFault) -> Double {
    switch String(buffer: content) {
    case "inf": return .infinity
    case "-inf": return -.infinity
    case "nan", "-nan": return .nan
    case let text:
      guard let value = Double(text), value.isFinite else { throw RESPFault(description: "a number that is none") }
      return value
    }
  }

  private func boolean(_ content: ByteBuffer) throws(RESPFault) -> Bool {
    switch String(buffer: content) {
    case "t": return true
    case "f": return false
    default: throw RESPFault(description: "neither true nor false")
    }
  }
}
