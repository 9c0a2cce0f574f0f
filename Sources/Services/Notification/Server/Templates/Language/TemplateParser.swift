/// Reads a template's source. There is nothing in the language that calls, computes or includes, and it is bounded in
/// every direction.
struct TemplateParser {
  /// Bytes.
  static let greatestSource = 64 << 10
  static let greatestDepth = 8
  static let greatestNodes = 4_000

  private var rest: Substring
  private var line = 1
  private var nodes = 0

  private init(_ source: String) { rest = source[...] }

  /// - Throws: ``TemplateFault``.
  static func parse(_ source: String) throws(TemplateFault) -> [TemplateNode] {
    guard source.utf8.count <= greatestSource else {
      throw TemplateFault("too_long", "must have at most \(greatestSource) bytes")
    }
    guard !source.utf8.contains(0) else { throw TemplateFault("syntax", "has a NUL character") }
    var parser = TemplateParser(source)
    let (nodes, end) = try parser.block(depth: 0)
    if let end { throw parser.fault("there is nothing for {{\(end)}} to end") }
    return nodes
  }

  /// Reads until the end, or a tag that ends a block: `else`, `/if` or `/each`.
  private mutating func block(depth: Int) throws(TemplateFault) -> (nodes: [TemplateNode], end: String?) {
    guard depth <= Self.greatestDepth else {
      throw fault("blocks stand in one another \(Self.greatestDepth) deep at most")
    }
    var found: [TemplateNode] = []
    while !rest.isEmpty {
      let text = literal()
      if !text.isEmpty { found.append(try counted(.text(String(text)))) }
      guard !rest.isEmpty else { break }
      let at = line
      let tag = try self.tag()
      switch tag.first {
      case "#": found.append(try counted(try opening(tag.dropFirst(), depth: depth, at: at)))
      case "/": return (found, String(tag))
      default:
        if tag == "else" { return (found, "else") }
        found.append(try counted(.value(try path(tag, at: at))))
      }
    }
    return (found, nil)
  }

  private mutating func opening(
    _ tag: Substring, depth: Int, at: Int
  ) throws(TemplateFault) -> TemplateNode {
    let words = tag.split(separator: " ", omittingEmptySubsequences: true)
    guard words.count == 2, words[0] == "if" || words[0] == "each" else {
      throw fault("write {{#if path}} or {{#each path}}, not {{#\(tag.prefix(40))}}", at)
    }
    let path = try self.path(words[1], at: at)
    let (body, first) = try block(depth: depth + 1)
    var end = first
    if words[0] == "each" {
      guard end == "/each" else { throw fault("{{#each \(path)}} is not ended by {{/each}}", at) }
      return .loop(path, body)
    }
    var otherwise: [TemplateNode] = []
    if end == "else" { (otherwise, end) = try block(depth: depth + 1) }
    guard end == "/if" else { throw fault("{{#if \(path)}} is not ended by {{/if}}", at) }
    return .choice(path, then: body, otherwise: otherwise)
  }

  /// Everything before the next `{{`.
  private mutating func literal() -> Substring {
    var end = rest.startIndex
    let bytes = rest.utf8
    while end < rest.endIndex {
      let next = bytes.index(after: end)
      if bytes[end] == UInt8(ascii: "{"), next < rest.endIndex, bytes[next] == UInt8(ascii: "{") { break }
      end = next
    }
    let text = rest[..<end]
    line += text.utf8.lazy.filter { $0 == UInt8(ascii: "\n") }.count
    rest = rest[end...]
    return text
  }

  /// What stands between `{{` and `}}`, without spaces around it.
  private mutating func tag() throws(TemplateFault) -> Substring {
    let bytes = rest.utf8
    var end = bytes.index(bytes.startIndex, offsetBy: 2)
    let start = end
    var length = 0
    while end < rest.endIndex, bytes[end] != UInt8(ascii: "}") {
      guard bytes[end] != UInt8(ascii: "{"), bytes[end] != UInt8(ascii: "\n"), length < 400 else {
        throw fault("{{ is not ended by }} in its line; a value is written {{name}}")
      }
      end = bytes.index(after: end)
      length += 1
    }
    let tag = rest[start..<end]
    guard end < rest.endIndex, let second = bytes.index(end, offsetBy: 1, limitedBy: rest.endIndex),
      second < rest.endIndex, bytes[second] == UInt8(ascii: "}")
    else { throw fault("{{ is not ended by }}") }
    let after = bytes.index(after: second)
    if after < rest.endIndex, bytes[after] == UInt8(ascii: "}") {
      throw fault("}}} says nothing: values in HTML are always escaped")
    }
    rest = rest[after...]
    return tag.trimmed
  }

  private func path(_ text: Substring, at line: Int) throws(TemplateFault) -> TemplatePath {
    guard let path = TemplatePath(text, line: line) else {
      throw fault("\"\(text.prefix(60))\" is no path such as order.number", line)
    }
    return path
  }

  private mutating func counted(_ node: TemplateNode) throws(TemplateFault) -> TemplateNode {
    nodes += 1
    guard nodes <= Self.greatestNodes else {
      throw TemplateFault("too_long", "has more than \(Self.greatestNodes) parts")
    }
    return node
  }

  private func fault(_ message: String, _ line: Int? = nil) -> TemplateFault {
    TemplateFault("syntax", "line \(line ?? self.line): \(message)")
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var text = self
    while let first = text.utf8.first, first == 0x20 || first == 0x09 { text = text.dropFirst() }
    while let last = text.utf8.last, last == 0x20 || last == 0x09 { text = text.dropLast() }
    return text
  }
}
