/// Where a text is read, as browsers read it (WHATWG HTML §13.2.5): it tells whether a value stands in an attribute, and
/// in which one.
///
/// What programs read in different ways is refused, so that there is this one reading.
struct TemplatePlace: Sendable, Hashable {
  enum Kind: Sendable, Hashable {
    /// Outside of tags.
    case text
    /// Behind `<` and `</`.
    case opening, ending
    /// Behind `<!`, up to `>`.
    case declaration
    case comment
    case tagName, beforeAttribute, attributeName, afterAttribute, beforeValue
    case quoted(Unicode.Scalar)
    case unquoted
  }

  private(set) var kind = Kind.text
  /// Of the tag or the attribute, in small letters; of a comment how far its end has come.
  private(set) var name = ""
  /// What stands before this place in the attribute's value, or in the word of a text.
  private(set) var before = ""
  private var isClosing = false
  private var isInTitle = false
  private let isHTML: Bool

  init(isHTML: Bool) { self.isHTML = isHTML }

  /// Bytes; what is longer is cut off, and no secret stands behind it.
  private static let greatestBefore = 500
  private static let greatestName = 40
  /// Elements whose content is no markup, or markup of another kind, and scripts.
  private static let refused: Set<String> = [
    "script", "style", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext", "svg", "math",
    "object", "embed", "base", "form", "link",
  ]

  /// Whether an address begins here.
  var beginsLink: Bool {
    guard case .quoted = kind else { return false }
    let links: Set<String> = [
      "href", "src", "srcset", "action", "formaction", "background", "poster", "xlink:href", "data", "longdesc",
    ]
    return links.contains(name) && before.allSatisfy(\.isWhitespace)
  }

  /// Whether a value can stand here and not get out.
  var takesValues: Bool {
    switch kind {
    case .text, .quoted: true
    default: false
    }
  }

  /// Whether only the recipient sees what stands here: in text that is no part of an address, or behind `platform`, the
  /// platform's own address, in a link that somebody follows.
  func keepsSecrets(_ platform: String?) -> Bool {
    guard before.utf8.count < Self.greatestBefore else { return false }
    switch kind {
    // Mail programs make links of what looks like an address.
    case .text: return !before.contains { "./&@".contains($0) } || isOn(platform)
    case .quoted: return name == "href" && isOn(platform)
    default: return false
    }
  }

  private func isOn(_ platform: String?) -> Bool {
    guard let platform, before.lowercased().hasPrefix(platform.lowercased()),
      let next = before.dropFirst(platform.count).first, "/?#".contains(next)
    else { return false }
    // Where a quote or a tag stands in an address, somebody may read another text.
    return before.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
      default: "-._~:/?#[]@!$&()*+,;=%".utf8.contains(byte)
      }
    }
  }

  /// Takes a value in, of which is only known whether it is an address.
  mutating func write(isAddress: Bool) {
    guard takesValues else { return }
    for scalar in (isAddress ? "https://x." : "x").unicodeScalars { append(scalar, to: \.before) }
  }

  // MARK: Reading

  /// - Returns: what there is no place for.
  mutating func read(_ text: String) -> TemplateFault? {
    var fault: TemplateFault?
    // Not characters: browsers know nothing of accents over a quotation mark.
    for scalar in text.unicodeScalars { if let found = read(scalar) { fault = fault ?? found } }
    return fault
  }

  private mutating func read(_ scalar: Unicode.Scalar) -> TemplateFault? {
    switch kind {
    case .text: word(scalar)
    case .opening: return open(scalar)
    case .ending:
      if Self.isLetter(scalar) { return begin(scalar, isClosing: true) }
      if scalar == ">" { endTag() } else { (kind, name) = (.declaration, "?") }
    case .declaration: declaration(scalar)
    case .comment: comment(scalar)
    case .tagName:
      guard !Self.isSpace(scalar), scalar != "/", scalar != ">" else { return endName(scalar) }
      append(scalar, to: \.name)
    case .beforeAttribute:
      if Self.isSpace(scalar) || scalar == "/" { return nil }
      if scalar == ">" { endTag() } else { attribute(scalar) }
    case .attributeName, .afterAttribute: return attributeName(scalar)
    case .beforeValue:
      if Self.isSpace(scalar) { return nil }
      before = ""
      switch scalar {
      case "\"", "'": kind = .quoted(scalar)
      case ">": endTag()
      default:
        kind = .unquoted
        append(scalar, to: \.before)
      }
    case .quoted(let quote):
      if scalar == quote { kind = .beforeAttribute } else { append(scalar, to: \.before) }
    case .unquoted:
      if Self.isSpace(scalar) { kind = .beforeAttribute } else if scalar == ">" { endTag() }
    }
    return nil
  }

  private mutating func word(_ scalar: Unicode.Scalar) {
    if isHTML, scalar == "<" {
      (kind, before) = (.opening, "")
    } else if Self.isSpace(scalar) || "<>\"".unicodeScalars.contains(scalar) {
      before = ""
    } else {
      append(scalar, to: \.before)
    }
  }

  private mutating func open(_ scalar: Unicode.Scalar) -> TemplateFault? {
    if isInTitle, scalar != "/" { return Self.titleFault }
    if Self.isLetter(scalar) { return begin(scalar, isClosing: false) }
    switch scalar {
    case "/": kind = .ending
    case "!": (kind, name) = (.declaration, "")
    case "?": (kind, name) = (.declaration, "?")
    default:
      kind = .text
      word(scalar)
    }
    return nil
  }

  private mutating func begin(_ scalar: Unicode.Scalar, isClosing: Bool) -> TemplateFault? {
    (kind, name, self.isClosing) = (.tagName, "", isClosing)
    append(scalar, to: \.name)
    return nil
  }

  private mutating func endName(_ scalar: Unicode.Scalar) -> TemplateFault? {
    var fault: TemplateFault?
    if isInTitle, !isClosing || name != "title" { fault = Self.titleFault }
    if name == "title" { isInTitle = !isClosing }
    if Self.refused.contains(name) {
      fault = ["script", "style"].contains(name) ? .script : TemplateFault("markup", "there is no place for <\(name)>")
    }
    if scalar == ">" { endTag() } else { kind = .beforeAttribute }
    return fault
  }

  private mutating func attribute(_ scalar: Unicode.Scalar) {
    (kind, name) = (.attributeName, "")
    append(scalar, to: \.name)
  }

  private mutating func attributeName(_ scalar: Unicode.Scalar) -> TemplateFault? {
    let isName = !Self.isSpace(scalar) && !["/", ">", "="].contains(scalar)
    if isName, kind == .attributeName {
      append(scalar, to: \.name)
      return nil
    }
    var fault: TemplateFault?
    if name.hasPrefix("on") { fault = .script }
    // Tells another what stands in the link.
    if name == "ping" { fault = TemplateFault("markup", "there is no place for ping") }
    switch scalar {
    case "/": kind = .beforeAttribute
    case ">": endTag()
    case "=": kind = .beforeValue
    case _ where isName: attribute(scalar)
    default: kind = .afterAttribute
    }
    return fault
  }

  private mutating func endTag() { (kind, name, before) = (.text, "", "") }

  private mutating func declaration(_ scalar: Unicode.Scalar) {
    if scalar == ">" { return endTag() }
    if name == "-", scalar == "-" { return (kind, name) = (.comment, "start") }
    name = name.isEmpty && scalar == "-" ? "-" : "?"
  }

  private mutating func comment(_ scalar: Unicode.Scalar) {
    switch (name, scalar) {
    case ("start", ">"), ("start-", ">"), ("--", ">"), ("--!", ">"): endTag()
    case ("start", "-"): name = "start-"
    case ("start-", "-"), ("-", "-"), ("--", "-"): name = "--"
    case ("--", "!"): name = "--!"
    case (_, "-"): name = "-"
    default: name = ""
    }
  }

  private mutating func append(_ scalar: Unicode.Scalar, to text: WritableKeyPath<Self, String>) {
    let greatest = text == \Self.name ? Self.greatestName : Self.greatestBefore
    guard self[keyPath: text].utf8.count < greatest else { return }
    self[keyPath: text].unicodeScalars.append(text == \Self.name ? Self.small(scalar) : scalar)
  }

  private static func small(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    (0x41...0x5A).contains(scalar.value) ? Unicode.Scalar(UInt8(scalar.value + 0x20)) : scalar
  }
  private static func isLetter(_ scalar: Unicode.Scalar) -> Bool { (0x61...0x7A).contains(small(scalar).value) }
  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    [0x09, 0x0A, 0x0C, 0x0D, 0x20].contains(scalar.value)
  }

  private static let titleFault = TemplateFault("markup", "there is no markup in a title")
}

extension TemplateFault {
  static let script = TemplateFault("script", "there is no place for scripts or style sheets; use style attributes")
}
