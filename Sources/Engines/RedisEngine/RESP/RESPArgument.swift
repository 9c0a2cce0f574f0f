package import NIOCore

/// A part of a command.
package enum RESPArgument: Sendable, ExpressibleByStringLiteral {
  case text(String)
  case bytes([UInt8])
  case integer(Int64)

  package init(stringLiteral text: String) { self = .text(text) }
}

extension ByteBuffer {
  /// Writes a command as Redis takes it: an array of bulk strings.
  package mutating func writeCommand(_ arguments: [RESPArgument]) {
    writeLine(UInt8(ascii: "*"), arguments.count)
    for argument in arguments {
      switch argument {
      case .text(let text):
        var text = text
        text.withUTF8 { bytes in
          writeLine(UInt8(ascii: "$"), bytes.count)
          writeBytes(bytes)
        }
      case .bytes(let bytes):
        writeLine(UInt8(ascii: "$"), bytes.count)
        writeBytes(bytes)
      case .integer(let integer):
        writeLine(UInt8(ascii: "$"), integer.decimalLength)
        writeDecimal(integer)
      }
      writeInteger(0x0D0A as UInt16)
    }
  }

  private mutating func writeLine(_ type: UInt8, _ count: Int) {
    writeInteger(type)
    writeDecimal(Int64(count))
    writeInteger(0x0D0A as UInt16)
  }

  /// Without a `String` for each number.
  private mutating func writeDecimal(_ integer: Int64) {
    let length = integer.decimalLength
    writeWithUnsafeMutableBytes(minimumWritableBytes: length) { bytes in
      var (rest, place) = (integer.magnitude, length)
      repeat {
        place -= 1
        bytes[place] = 48 + UInt8(rest % 10)
        rest /= 10
      } while rest > 0
      if integer < 0 { bytes[0] = UInt8(ascii: "-") }
      return length
    }
  }
}

extension Int64 {
  fileprivate var decimalLength: Int {
    var (length, rest) = (self < 0 ? 2 : 1, magnitude)
    while rest >= 10 {
      length += 1
      rest /= 10
    }
    return length
  }
}
