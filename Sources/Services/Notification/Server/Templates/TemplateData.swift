import Foundation
import GravityContracts
import NotificationAPI

/// Whether data are what a template declares.
struct TemplateData {
  private let variables: [TemplateVariable]
  private(set) var errors: [Problem.FieldError] = []
  private var checked = 0

  private static let greatestErrors = 20
  /// Items of lists, in all.
  private static let greatestItems = 10_000

  private init(_ variables: [TemplateVariable]) { self.variables = variables }

  /// - Returns: what is missing or of another kind, the fields as paths in the data.
  static func errors(in data: JSONObject, _ variables: [TemplateVariable]) -> [Problem.FieldError] {
    var check = TemplateData(variables)
    for variable in variables {
      check.visit(.object(data.members), parts(of: variable.name), variable, at: [])
    }
    return check.errors
  }

  /// `order.lines[].title` → `order`, `lines`, `[]`, `title`.
  static func parts(of name: String) -> [String] {
    name.split(separator: ".", omittingEmptySubsequences: false).flatMap { part in
      part.hasSuffix("[]") ? [String(part.dropLast(2)), "[]"] : [String(part)]
    }
  }

  private mutating func visit(_ value: JSONValue?, _ rest: [String], _ variable: TemplateVariable, at path: [String]) {
    guard errors.count < Self.greatestErrors, checked < Self.greatestItems else { return }
    guard let part = rest.first else { return check(value, variable, at: path) }
    if part == "[]" {
      // What is no list is told by the list's own declaration.
      guard case .array(let items) = value else { return }
      for (index, item) in items.enumerated() {
        checked += 1
        visit(item, Array(rest.dropFirst()), variable, at: path + [String(index)])
      }
      return
    }
    switch value {
    case .object(let members): visit(members[part], Array(rest.dropFirst()), variable, at: path + [part])
    case .none, .null: check(nil, variable, at: path + rest.prefix { $0 != "[]" })
    default: fail(path, "type", "must be an object")
    }
  }

  private mutating func check(_ value: JSONValue?, _ variable: TemplateVariable, at path: [String]) {
    switch (variable.kind, value) {
    case (_, .none), (_, .null):
      if variable.required { fail(path, "required", "is needed by the template") }
    case (.text, .string), (.secret, .string), (.integer, .integer), (.boolean, .bool), (.list, .array): break
    case (.url, .string(let text)):
      if !Self.isURL(text) { fail(path, "format", "must be an https or http URL without spaces") }
    case (.money, .object(let members)):
      if MoneyFormat(locale: "en").text(members) == nil {
        fail(path, "format", "must be an amount in minor units and an ISO 4217 currency")
      }
    default: fail(path, "type", "must be \(Self.words[variable.kind] ?? "")")
    }
  }

  private mutating func fail(_ path: [String], _ code: String, _ message: String) {
    let error = Problem.FieldError(field: (["data"] + path).joined(separator: "."), code: code, message: message)
    if !errors.contains(error) { errors.append(error) }
  }

  private static let words: [TemplateVariable.Kind: String] = [
    .text: "a text", .secret: "a text", .integer: "an integer", .boolean: "true or false",
    .money: "an amount with its currency",
    .url: "a URL", .list: "a list",
  ]

  static func isURL(_ text: String) -> Bool {
    let lower = text.prefix(8).lowercased()
    guard lower.hasPrefix("https://") || lower.hasPrefix("http://"), text.utf8.count <= 2_000,
      text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "<") })
    else { return false }
    return URL(string: text)?.host(percentEncoded: false)?.isEmpty == false
  }

  // MARK: Secrets

  /// The same with dots for what only the recipient may read.
  static func masked(_ data: JSONObject, _ variables: [TemplateVariable]) -> JSONObject {
    var root = JSONValue.object(data.members)
    for variable in variables where variable.kind == .secret { mask(&root, parts(of: variable.name)[...]) }
    guard case .object(let members) = root else { return data }
    return JSONObject(members)
  }

  private static func mask(_ value: inout JSONValue, _ parts: ArraySlice<String>) {
    guard let part = parts.first else {
      value = .string("••••••••")
      return
    }
    switch value {
    case .array(let items) where part == "[]":
      value = .array(
        items.map { item in
          var item = item
          mask(&item, parts.dropFirst())
          return item
        })
    case .object(var members):
      guard var member = members[part], member != .null else { return }
      mask(&member, parts.dropFirst())
      members[part] = member
      value = .object(members)
    default: break
    }
  }

  // MARK: Examples

  /// Data made of the variables' examples, for previews and for a first look at what is published.
  static func examples(_ variables: [TemplateVariable]) -> JSONObject {
    var root = JSONValue.object([:])
    for variable in variables.sorted(by: { $0.name < $1.name })
    where variable.kind != .list || !hasFields(variable, variables) {
      insert(example(variable), parts(of: variable.name)[...], into: &root)
    }
    guard case .object(let members) = root else { return [:] }
    return JSONObject(members)
  }

  private static func hasFields(_ list: TemplateVariable, _ variables: [TemplateVariable]) -> Bool {
    variables.contains { $0.name.hasPrefix(list.name + "[]") }
  }

  private static func example(_ variable: TemplateVariable) -> JSONValue {
    let text = variable.example
    switch variable.kind {
    case .text, .secret: return .string(text ?? variable.name)
    case .integer: return .integer(text.flatMap(Int64.init) ?? 1)
    case .boolean: return .bool(text.map { $0 == "true" } ?? true)
    case .url: return .string(text ?? "https://example.com/")
    case .list: return .array([])
    case .money:
      let words = (text ?? "12.99 USD").split(separator: " ")
      let digits = words[0].filter { $0.isASCII && $0.isNumber }
      return .object([
        "amount": .integer(Int64(digits) ?? 1299), "currency": .string(words.count > 1 ? String(words[1]) : "USD"),
      ])
    }
  }

  private static func insert(_ example: JSONValue, _ parts: ArraySlice<String>, into value: inout JSONValue) {
    guard let part = parts.first else {
      value = example
      return
    }
    let rest = parts.dropFirst()
    if part == "[]" {
      var item = JSONValue.object([:])
      if case .array(let items) = value, let first = items.first { item = first }
      insert(example, rest, into: &item)
      value = .array([item])
      return
    }
    var members: [String: JSONValue] = [:]
    if case .object(let present) = value { members = present }
    var member = members[part] ?? .object([:])
    insert(example, rest, into: &member)
    members[part] = member
    value = .object(members)
  }
}
