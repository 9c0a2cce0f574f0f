/// Finds what looks like a card's number, which is neither kept nor logged anywhere: 12 to 19 digits, perhaps in
/// groups, whose last checks the others (ISO/IEC 7812-1, Luhn).
///
/// UUIDs are let through, as their digits would now and then pass for one.
enum CardNumber {
  static func isFound(in text: String) -> Bool {
    var digits: [UInt8] = []
    // A separator counts only between two digits.
    var isAfterSeparator = false
    func isNumber() -> Bool { (12...19).contains(digits.count) && passesLuhn(digits) }
    for byte in withoutUUIDs(Array(text.utf8)) {
      switch byte {
      case 0x30...0x39:
        digits.append(byte - 0x30)
        isAfterSeparator = false
      case 0x20, 0x2D,
        0x2E where !digits.isEmpty && !isAfterSeparator:
        isAfterSeparator = true
      default:
        if isNumber() { return true }
        (digits, isAfterSeparator) = ([], false)
      }
    }
    return isNumber()
  }

  private static func passesLuhn(_ digits: [UInt8]) -> Bool {
    let sum = digits.reversed().enumerated().reduce(0) { sum, digit in
      let doubled = Int(digit.element) * (digit.offset % 2 == 1 ? 2 : 1)
      return sum + (doubled > 9 ? doubled - 9 : doubled)
    }
    return sum % 10 == 0
  }

  private static func withoutUUIDs(_ bytes: [UInt8]) -> [UInt8] {
    var (kept, index) = ([UInt8](), 0)
    while index < bytes.count {
      if index + 36 <= bytes.count, isUUID(bytes[index..<index + 36]) {
        kept.append(UInt8(ascii: "#"))
        index += 36
      } else {
        kept.append(bytes[index])
        index += 1
      }
    }
    return kept
  }

  private static func isUUID(_ bytes: ArraySlice<UInt8>) -> Bool {
    zip(bytes, 0...).allSatisfy { byte, index in
      switch index {
      case 8, 13, 18, 23: byte == UInt8(ascii: "-")
      default: (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte & 0xDF)
      }
    }
  }
}
