import GravityDiscovery

/// Reads a value of one kind. What does not fit is told with what was expected.
struct Reader<Value>: Sendable {
  let read: @Sendable (FileNode, inout Mistakes) -> Value?
}

extension Reader {
  /// A text, with or without quotes as the kind of value has it.
  ///
  /// - Parameter parse: nil for what does not fit.
  static func text(
    _ expected: String, quoted isQuotedTaken: Bool = true, _ parse: @escaping @Sendable (String) -> Value?
  ) -> Reader {
    Reader { node, mistakes in
      guard case .text(let text, let isQuoted) = node.content, !node.isNothing, isQuotedTaken || !isQuoted,
        let value = parse(text)
      else {
        mistakes.add(node.place, node.kind, expected: expected)
        return nil
      }
      return value
    }
  }

  /// Another value made of it.
  func map<Other>(_ make: @escaping @Sendable (Value) -> Other) -> Reader<Other> {
    Reader<Other> { node, mistakes in read(node, &mistakes).map(make) }
  }
}

extension Reader where Value == String {
  /// A text that cannot be taken for something else: numbers and truth values go in quotes.
  static func plainText(_ expected: String, _ isFine: @escaping @Sendable (String) -> Bool) -> Reader {
    Reader { node, mistakes in
      guard case .text(let text, let isQuoted) = node.content, !node.isNothing else {
        mistakes.add(node.place, node.kind, expected: expected)
        return nil
      }
      guard isQuoted || !["true", "false"].contains(text.lowercased()) && Double(text) == nil else {
        mistakes.add(node.place, "\(text) without quotes is no text", expected: expected)
        return nil
      }
      guard isFine(text) else {
        mistakes.add(node.place, quoted(text), expected: expected)
        return nil
      }
      return text
    }
  }

  /// One of these words.
  static func word(_ words: [String]) -> Reader { .text(listed(words)) { words.contains($0) ? $0 : nil } }
}

extension Reader where Value == Bool {
  static var flag: Reader {
    .text("true or false", quoted: false) { text in ["true": true, "false": false][text] }
  }
}

extension Reader where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> Reader {
    .text("a whole number from \(range.lowerBound) to \(range.upperBound)", quoted: false) { text in
      text.utf8.allSatisfy { (48...57).contains($0) } ? Int(text).flatMap { range.contains($0) ? $0 : nil } : nil
    }
  }

  /// Bytes: `65536`, `512KiB`, `10MiB`, `1GiB`.
  static var size: Reader {
    .text("a number of bytes such as 65536, 512KiB, 10MiB or 1GiB, or 0 for no limit") { text in
      let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)]
      guard let (suffix, unit) = units.first(where: { text.hasSuffix($0.0) }) else { return nil }
      let digits = text.dropLast(suffix.count)
      guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let count = Int(digits) else {
        return nil
      }
      let (bytes, isTooMuch) = count.multipliedReportingOverflow(by: unit)
      return isTooMuch || bytes > 1 << 50 ? nil : bytes
    }
  }
}

extension Reader where Value == Duration {
  static func duration(_ range: ClosedRange<Duration>) -> Reader {
    let bounds = "from \(DurationText.string(range.lowerBound)) to \(DurationText.string(range.upperBound))"
    return .text("a duration \(bounds), such as 500ms, 30s or 15m") { text in
      DurationText.parse(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }
}

extension Reader {
  /// A list of at least one, each once.
  static func list<Element: Hashable & Sendable>(
    of element: Reader<Element>, _ what: String, atMost count: Int
  ) -> Reader where Value == [Element] {
    Reader { node, mistakes in
      guard case .list(let nodes) = node.content, (1...count).contains(nodes.count) else {
        mistakes.add(node.place, node.kind, expected: "a list of 1 to \(count) \(what)")
        return nil
      }
      var values: [Element] = []
      var isWhole = true
      for node in nodes {
        guard let value = element.read(node, &mistakes) else {
          isWhole = false
          continue
        }
        if values.contains(value) {
          mistakes.add(node.place, "\(node.kind) stands twice", expected: "each once")
          isWhole = false
        }
        values.append(value)
      }
      return isWhole ? values : nil
    }
  }
}

/// "a, b or c"
func listed(_ words: [String]) -> String {
  words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1]
}
