/// A language tag (BCP 47) in its usual case, as far as looking for a text needs it: `pt-BR`, `zh-Hant-TW`.
struct LocaleTag: Sendable, Hashable {
  let text: String

  /// In bytes (RFC 5646 §4.4.1).
  static let greatestSize = 35
  static let rule = "must be a BCP 47 language tag such as pt-BR"

  init?(_ text: String) {
    guard (2...Self.greatestSize).contains(text.utf8.count) else { return nil }
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard let language = parts.first, (2...3).contains(language.utf8.count), language.utf8.allSatisfy(Self.isLetter),
      parts.allSatisfy({
        (1...8).contains($0.utf8.count) && $0.utf8.allSatisfy { Self.isLetter($0) || Self.isDigit($0) }
      })
    else { return nil }
    let rest = parts.dropFirst().map { part in
      switch part.utf8.count {
      case 4 where part.utf8.allSatisfy(Self.isLetter): part.prefix(1).uppercased() + part.dropFirst().lowercased()
      case 2: part.uppercased()
      default: part.lowercased()
      }
    }
    self.text = ([language.lowercased()] + rest).joined(separator: "-")
  }

  /// From the tag itself to its language alone (RFC 4647 §3.4): `zh-Hant-TW`, `zh-Hant`, `zh`. A single character
  /// before what was cut off goes with it.
  var fallbacks: [String] {
    var parts = text.split(separator: "-")
    var all: [String] = []
    while !parts.isEmpty {
      all.append(parts.joined(separator: "-"))
      parts.removeLast()
      if let last = parts.last, last.utf8.count == 1 { parts.removeLast() }
    }
    return all
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) }
}
