import Yams

/// A value of a route file, and where it stands.
struct FileNode: Sendable {
  enum Content: Sendable {
    /// Without quotes the text may stand for something else: a number, a truth value, nothing.
    case text(String, isQuoted: Bool)
    case list([FileNode])
    case mapping([(key: FileNode, value: FileNode)])
  }
  let content: Content
  let place: Place

  /// What it is, for messages.
  var kind: String {
    switch content {
    case .list: "a list"
    case .mapping: "a mapping"
    case .text(let text, true): quoted(text)
    case .text(let text, false): isNothing ? "nothing" : quoted(text)
    }
  }

  /// `~`, `null`, or no text at all.
  var isNothing: Bool {
    guard case .text(let text, isQuoted: false) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }
}

/// Reads YAML, as much of it as a route file needs: no anchors and no aliases, so that a short file cannot stand for an
/// endless one; no tags; one document.
enum FileReader {
  /// In bytes.
  static let greatestSize = 1 << 20
  static let greatestDepth = 12

  static func read(_ bytes: [UInt8], _ mistakes: inout Mistakes) -> FileNode? {
    let start = Place(line: 1, column: 1)
    guard bytes.count <= greatestSize else {
      mistakes.add(start, "\(bytes.count) bytes", expected: "at most \(greatestSize)")
      return nil
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      mistakes.add(start, "the file is no UTF-8 text", expected: "YAML in UTF-8")
      return nil
    }
    if let place = anchor(in: bytes) {
      mistakes.add(
        place, "an anchor",
        expected: "the value itself wherever it is used; in a text in double quotes write \\x26 for &")
      return nil
    }
    do {
      // What texts stand for is decided here, not by what YAML 1.1 makes of them.
      guard let root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot() else {
        mistakes.add(start, "the file is empty", expected: "routes: with a list of routes")
        return nil
      }
      return convert(root, depth: 0, &mistakes)
    } catch {
      add(error, &mistakes)
      return nil
    }
  }

  /// The first `&` with a letter, digit, `-` or `_` after it: only so an anchor begins, wherever it stands. Without one
  /// there is nothing that an alias could stand for, and the parser says so.
  private static func anchor(in bytes: [UInt8]) -> Place? {
    var (line, column) = (1, 1)
    for (index, byte) in bytes.enumerated() {
      if byte == UInt8(ascii: "&"), index + 1 < bytes.count, isWord(bytes[index + 1]) {
        return Place(line: line, column: column)
      }
      if byte == UInt8(ascii: "\n") {
        (line, column) = (line + 1, 1)
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return nil
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func convert(_ node: Node, depth: Int, _ mistakes: inout Mistakes) -> FileNode? {
    let place = node.mark.map { Place(line: $0.line, column: $0.column) } ?? Place(line: 1, column: 1)
    guard depth <= greatestDepth else {
      mistakes.add(place, "a value in more than \(greatestDepth) others", expected: "no value that deep")
      return nil
    }
    switch node {
    case .scalar(let scalar):
      switch scalar.style {
      case .plain, .any: return FileNode(content: .text(scalar.string, isQuoted: false), place: place)
      default: return FileNode(content: .text(scalar.string, isQuoted: true), place: place)
      }
    case .sequence(let sequence):
      return FileNode(content: .list(sequence.compactMap { convert($0, depth: depth + 1, &mistakes) }), place: place)
    case .mapping(let mapping):
      var pairs: [(key: FileNode, value: FileNode)] = []
      for (key, value) in mapping {
        guard let key = convert(key, depth: depth + 1, &mistakes),
          let value = convert(value, depth: depth + 1, &mistakes)
        else { continue }
        pairs.append((key, value))
      }
      return FileNode(content: .mapping(pairs), place: place)
    case .alias:
      mistakes.add(place, "an alias", expected: "the value itself")
      return nil
    }
  }

  private static func add(_ error: any Error, _ mistakes: inout Mistakes) {
    func place(_ mark: Mark) -> Place { Place(line: max(1, mark.line), column: max(1, mark.column)) }
    switch error as? YamlError {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let hint =
        problem.contains("alias") || problem.contains("alphabetic or numeric")
        ? "; a text that begins with * goes in quotes" : ""
      let reason = context.map { "\($0.text) in line \($0.mark.line)" }
      mistakes.add(
        place(mark), "this is no YAML: " + [reason, problem].compactMap { $0 }.joined(separator: ", ") + hint)
    case .duplicatedKeysInMapping(let duplicates, let context):
      mistakes.add(
        place(context.mark), duplicates.map(quoted).joined(separator: ", ") + " stands twice in one mapping",
        expected: "each key once")
    case .reader(let problem, _, _, _):
      mistakes.add(Place(line: 1, column: 1), "this is no YAML: \(problem)")
    default: mistakes.add(Place(line: 1, column: 1), "this is no YAML: \(error)")
    }
  }
}
