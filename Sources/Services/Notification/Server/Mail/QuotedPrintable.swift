/// Quoted-printable (RFC 2045 §6.7): text that people can still read in the file.
enum QuotedPrintable {
  private static let hex = Array("0123456789ABCDEF".utf8)
  /// Without the line's end.
  private static let longestLine = 76

  /// - Parameter text: Its lines may end in any way; in the result they end with CR LF, the last one too.
  static func encode(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count + text.utf8.count / 4 + 16)
    var length = 0
    func soft(_ size: Int) {
      guard length + size > longestLine - 1 else { return }
      result += [UInt8(ascii: "="), 13, 10]
      length = 0
    }
    let bytes = Array(text.utf8)
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if byte == 13 || byte == 10 {
        if byte == 13, index < bytes.count, bytes[index] == 10 { index += 1 }
        result += [13, 10]
        length = 0
        continue
      }
      let isLast = index == bytes.count || bytes[index] == 13 || bytes[index] == 10
      let isPlain =
        byte == 32 || byte == 9 ? !isLast : (33...126).contains(byte) && byte != UInt8(ascii: "=")
      soft(isPlain ? 1 : 3)
      if isPlain {
        result.append(byte)
        length += 1
      } else {
        result += [UInt8(ascii: "="), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
        length += 3
      }
    }
    if length > 0 { result += [13, 10] }
    return result
  }
}
