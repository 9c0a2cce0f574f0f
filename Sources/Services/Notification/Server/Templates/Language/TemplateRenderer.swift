import Foundation
import GravityContracts

/// Writes a parsed template with data. Bounded: a short template over a long list could otherwise fill the memory.
struct TemplateRenderer {
  /// What the result is part of.
  enum Target: Sendable { case header, text, html }

  /// Bytes.
  static let greatestResult = 256 << 10
  private static let greatestSteps = 100_000

  private let target: Target
  private let data: JSONValue
  private let money: MoneyFormat
  private var output = ""
  private var steps = 0

  private init(_ target: Target, _ data: JSONValue, locale: String) {
    self.target = target
    self.data = data
    money = MoneyFormat(locale: locale)
  }

  /// - Parameter locale: That of the text.
  /// - Throws: ``TemplateFault``.
  static func render(
    _ nodes: [TemplateNode], _ target: Target, _ data: JSONObject, locale: String
  ) throws(TemplateFault) -> String {
    var renderer = TemplateRenderer(target, .object(data.members), locale: locale)
    try renderer.write(nodes, item: nil)
    if target == .header { try Self.checkHeader(renderer.output) }
    return renderer.output
  }

  /// A line more in a header would be a header more (CWE-93).
  static func checkHeader(_ text: String) throws(TemplateFault) {
    guard
      text.unicodeScalars.allSatisfy({
        $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && $0 != "\u{2028}" && $0 != "\u{2029}"
      })
    else { throw TemplateFault("header_injection", "a subject is one line without control characters") }
    guard text.utf8.count <= 900 else { throw TemplateFault("too_long", "a subject has at most 900 bytes") }
  }

  private mutating func write(_ nodes: [TemplateNode], item: JSONValue?) throws(TemplateFault) {
    for node in nodes {
      steps += 1
      guard steps <= Self.greatestSteps else { throw TemplateFault("too_long", "the lists in the data are too long") }
      switch node {
      case .text(let text): try append(text)
      case .value(let path): try append(escaped(try self.text(of: path, item)))
      case .choice(let path, let then, let otherwise):
        try write(find(path, item).map(\.isTruthy) ?? false ? then : otherwise, item: item)
      case .loop(let path, let body):
        guard let list = find(path, item), list != .null else { continue }
        guard case .array(let items) = list else { throw TemplateFault("not_a_list", "\(path) is no list") }
        for item in items { try write(body, item: item) }
      }
    }
  }

  private mutating func append(_ text: String) throws(TemplateFault) {
    output += text
    guard output.utf8.count <= Self.greatestResult else {
      throw TemplateFault("too_long", "the message has more than \(Self.greatestResult) bytes")
    }
  }

  private func find(_ path: TemplatePath, _ item: JSONValue?) -> JSONValue? {
    var value: JSONValue? = path.isOfItem ? item : data
    for part in path.parts {
      guard case .object(let members) = value else { return nil }
      value = members[part]
    }
    return value
  }

  private func text(of path: TemplatePath, _ item: JSONValue?) throws(TemplateFault) -> String {
    switch find(path, item) {
    case .none, .null: throw TemplateFault("missing_variable", "there is no \(path)")
    case .string(let text): return text
    case .integer(let number): return String(number)
    case .object(let members):
      guard let text = money.text(members) else { throw TemplateFault("not_a_value", "\(path) is an object") }
      return text
    case .bool, .number, .array: throw TemplateFault("not_a_value", "\(path) cannot be written")
    }
  }

  private func escaped(_ text: String) -> String {
    guard target == .html else {
      // No database and no mail takes a NUL.
      return text.utf8.contains(0) ? text.filter { $0 != "\0" } : text
    }
    var result = ""
    result.reserveCapacity(text.utf8.count + 16)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      // An old way to put a quote around an attribute.
      case "`": result += "&#96;"
      case "\0": break
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension JSONValue {
  /// What `{{#if}}` asks: neither false, 0 nor empty.
  var isTruthy: Bool {
    switch self {
    case .null, .bool(false), .integer(0), .string(""): false
    case .array(let items): !items.isEmpty
    case .number(let number): number != 0
    case .bool, .integer, .string, .object: true
    }
  }
}
