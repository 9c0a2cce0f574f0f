/// Which types of events are meant: `*`, `order.*`, `order.confirmed.*` or a type.
struct EventPattern: Sendable, Hashable {
  let text: String

  /// - Returns: nil for what is no pattern: a `*` stands for everything from there on, at the end only.
  init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard text.utf8.count <= 100, (1...3).contains(parts.count), parts.last == "*" || parts.count == 3,
      parts.dropLast().allSatisfy(Self.isName), parts.last == "*" || parts.last.map(Self.isName) == true
    else { return nil }
    self.text = text
  }

  private static func isName(_ part: Substring) -> Bool {
    !part.isEmpty
      && part.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") }
  }

  func matches(_ type: String) -> Bool {
    text.last == "*" ? type.hasPrefix(text.dropLast()) : type == text
  }
}
