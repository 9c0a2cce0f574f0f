/// A piece of a parsed template.
indirect enum TemplateNode: Sendable, Hashable {
  case text(String)
  case value(TemplatePath)
  case choice(TemplatePath, then: [TemplateNode], otherwise: [TemplateNode])
  case loop(TemplatePath, [TemplateNode])
}

/// `order.number`, or `this.title` inside a loop.
struct TemplatePath: Sendable, Hashable, CustomStringConvertible {
  /// Whether it begins with the innermost loop's item.
  var isOfItem: Bool
  var parts: [String]
  /// In the source; for messages.
  var line: Int

  var description: String { ((isOfItem ? ["this"] : []) + parts).joined(separator: ".") }

  static let greatestParts = 8
  static let greatestPart = 40

  init?(_ text: Substring, line: Int) {
    var parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.allSatisfy(Self.isName) else { return nil }
    isOfItem = parts.first == "this"
    if isOfItem { parts.removeFirst() }
    guard parts.count <= Self.greatestParts, isOfItem || !parts.isEmpty else { return nil }
    self.parts = parts.map(String.init)
    self.line = line
  }

  static func isName(_ part: some StringProtocol) -> Bool {
    guard (1...greatestPart).contains(part.utf8.count), let first = part.utf8.first else { return false }
    func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) || byte == UInt8(ascii: "_") }
    return isLetter(first) && part.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
  }
}

/// What is wrong with a template, or with the data that it is given.
struct TemplateFault: Error, Sendable, Hashable, CustomStringConvertible {
  /// `syntax`, `undeclared_variable`, `unguarded_variable`, `missing_variable`, `header_injection`, …
  var code: String
  var message: String
  var description: String { "\(code): \(message)" }

  init(_ code: String, _ message: String) {
    self.code = code
    self.message = message
  }
}
