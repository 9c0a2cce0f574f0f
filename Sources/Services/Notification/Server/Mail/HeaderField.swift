import Foundation

/// Fields of a mail's header: folded (RFC 5322 §2.2.3), and what is not ASCII as encoded words (RFC 2047).
enum HeaderField {
  private static let longestLine = 76
  /// What fits into a line beside a field's name.
  private static let greatestWord = 60
  /// Of an encoded word, RFC 2047 §2.
  private static let longestWord = 75

  /// `Subject` and other fields of free text.
  static func text(_ name: String, _ value: String) -> String {
    let value = oneLine(value)
    let words =
      isPlain(value)
      ? value.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      : encodedWords(value, after: name)
    return fold("\(name):", words)
  }

  /// `From` and `To`: a name, if there is one, and an address.
  static func mailbox(_ name: String, display: String?, address: EmailAddress) -> String {
    let display = display.map(oneLine)?.trimmingCharacters(in: .whitespaces) ?? ""
    guard !display.isEmpty else { return fold("\(name):", [address.text]) }
    // A quoted string may be folded at its blanks, too.
    let words = quoted(display).split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    let isShort = words.allSatisfy { $0.utf8.count <= greatestWord }
    return fold(
      "\(name):", (isPlain(display) && isShort ? words : encodedWords(display, after: name)) + ["<\(address.text)>"])
  }

  /// Where nothing is to be folded or encoded.
  static func token(_ name: String, _ value: String) -> String { "\(name): \(value)\r\n" }

  /// The last defence against a header more: whatever came so far, it is one line.
  private static func oneLine(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar == "\u{2028}" || scalar == "\u{2029}"
            ? " " : scalar
        }))
  }

  /// Printable ASCII that no reader takes for an encoded word, in words that fit a line.
  private static func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && !text.contains("=?")
      && text.split(separator: " ").allSatisfy { $0.utf8.count <= greatestWord }
      && text.first != " " && text.last != " "
  }

  private static func quoted(_ phrase: String) -> String {
    let isAtom = phrase.utf8.allSatisfy { byte in
      byte == 32 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
    }
    guard !isAtom else { return phrase }
    return "\"" + phrase.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
      + "\""
  }

  /// Base64, a whole number of characters in each (RFC 2047 §5).
  private static func encodedWords(_ text: String, after name: String) -> [String] {
    // `=?utf-8?B?` and `?=` leave room for 63 characters: 45 bytes. The first shares its line with the field's name.
    var room = (longestWord - 12 - name.utf8.count - 2) / 4 * 3
    var (words, bytes) = ([String](), [UInt8]())
    func flush() {
      guard !bytes.isEmpty else { return }
      words.append("=?utf-8?B?\(Data(bytes).base64EncodedString())?=")
      bytes = []
      room = (longestWord - 12) / 4 * 3
    }
    for scalar in text.unicodeScalars {
      let next = Array(String(scalar).utf8)
      if bytes.count + next.count > room { flush() }
      bytes += next
    }
    flush()
    return words
  }

  private static func fold(_ start: String, _ words: [String]) -> String {
    var (line, result) = (start, "")
    for word in words {
      // A line of blanks alone would end the header for some readers.
      if line.utf8.count + 1 + word.utf8.count > longestLine, line.utf8.contains(where: { $0 != 32 }), !word.isEmpty,
        line != start
      {
        result += line + "\r\n"
        line = ""
      }
      line += " " + word
    }
    return result + line + "\r\n"
  }
}
