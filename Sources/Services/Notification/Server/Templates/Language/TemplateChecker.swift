import NotificationAPI

/// Holds a text to what its template declares, so that a mistake is found when it is published and not when somebody
/// waits for the message.
struct TemplateChecker {
  private let variables: [String: TemplateVariable]
  private let isHTML: Bool
  private let isPublic: Bool
  /// What is known to be there where the walk is.
  private var guarded: Set<String> = []
  /// The lists whose items `this` stands for, innermost last.
  private var loops: [String] = []
  /// How the literal text may end where the walk is: it tells whether a value stands in an attribute.
  private var tails: Set<String> = [""]
  private(set) var faults: [TemplateFault] = []

  private static let greatestFaults = 20

  private init(_ variables: [String: TemplateVariable], isHTML: Bool, isPublic: Bool) {
    self.isPublic = isPublic
    self.variables = variables
    self.isHTML = isHTML
  }

  /// - Parameter isPublic: Others may see it, so there is no place for a secret.
  static func faults(
    in nodes: [TemplateNode], _ variables: [String: TemplateVariable], isHTML: Bool, isPublic: Bool = false
  ) -> [TemplateFault] {
    var checker = TemplateChecker(variables, isHTML: isHTML, isPublic: isPublic)
    checker.walk(nodes)
    return checker.faults
  }

  private mutating func walk(_ nodes: [TemplateNode]) {
    for node in nodes {
      guard faults.count < Self.greatestFaults else { return }
      switch node {
      case .text(let text): literal(text)
      case .value(let path): value(path)
      case .choice(let path, let then, let otherwise): choice(path, then, otherwise)
      case .loop(let path, let body): loop(path, body)
      }
    }
  }

  private mutating func literal(_ text: String) {
    if isHTML, ["<script", "<style", "javascript:"].contains(where: text.lowercased().contains) {
      fault("script", "there is no place for scripts or style sheets; use style attributes")
    }
    tails = Set(tails.map { String(($0 + text).suffix(400)) })
  }

  private mutating func value(_ path: TemplatePath) {
    guard let variable = declared(path) else { return }
    let name = name(path)
    if variable.kind == .list || variable.kind == .boolean {
      fault("not_a_value", "\(path) is a \(variable.kind.rawValue) and cannot be written", path)
    }
    if isPublic, variable.kind == .secret {
      fault("secret", "\(path) is a secret: it goes into a mail or a text message only", path)
    }
    if !variable.required, !guarded.contains(name) {
      fault("unguarded_variable", "\(path) is not always there: write it inside {{#if \(path)}}", path)
    }
    if isHTML { attribute(path, variable) }
    tails = Set(tails.map { String(($0 + "x").suffix(400)) })
  }

  private mutating func attribute(_ path: TemplatePath, _ variable: TemplateVariable) {
    for tail in tails {
      let end = tail.lowercased()
      let compact = end.filter { !$0.isWhitespace }
      if compact.last == "=", Self.isInTag(end) {
        return fault("unquoted_attribute", "put {{\(path)}} in quotes: an attribute without them can be left", path)
      }
      let begins = ["href", "src", "action", "formaction", "background"].contains { name in
        ["\"", "'"].contains { compact.hasSuffix("\(name)=\($0)") }
      }
      if begins, variable.kind != .url {
        return fault("not_a_url", "\(path) begins a link: declare it as url", path)
      }
    }
  }

  private static func isInTag(_ text: String) -> Bool {
    guard let open = text.lastIndex(of: "<") else { return false }
    return text.lastIndex(of: ">").map { $0 < open } ?? true
  }

  private mutating func choice(_ path: TemplatePath, _ then: [TemplateNode], _ otherwise: [TemplateNode]) {
    _ = declared(path)
    let (before, known) = (tails, guarded)
    guarded.insert(name(path))
    walk(then)
    guarded = known
    let afterThen = tails
    tails = before
    walk(otherwise)
    join(afterThen)
  }

  private mutating func loop(_ path: TemplatePath, _ body: [TemplateNode]) {
    if let variable = declared(path), variable.kind != .list {
      fault("not_a_list", "\(path) is no list", path)
    }
    let before = tails
    loops.append(name(path))
    walk(body)
    // A second time, since an item may follow another.
    walk(body)
    loops.removeLast()
    join(before)
  }

  private mutating func join(_ others: Set<String>) {
    tails.formUnion(others)
    if tails.count > 64 {
      fault("too_long", "there are too many ways through the text")
      tails = [""]
    }
  }

  private mutating func declared(_ path: TemplatePath) -> TemplateVariable? {
    if path.isOfItem, loops.isEmpty {
      fault("undeclared_variable", "\(path) stands in no {{#each}}", path)
      return nil
    }
    guard let variable = variables[name(path)] else {
      fault("undeclared_variable", "\(path) is not declared", path)
      return nil
    }
    return variable
  }

  /// As it is declared: `this.title` in a loop over `order.lines` is `order.lines[].title`.
  private func name(_ path: TemplatePath) -> String {
    let own = path.parts.joined(separator: ".")
    guard path.isOfItem, let list = loops.last else { return own }
    return own.isEmpty ? "\(list)[]" : "\(list)[].\(own)"
  }

  private mutating func fault(_ code: String, _ message: String, _ path: TemplatePath? = nil) {
    let fault = TemplateFault(code, path.map { "line \($0.line): \(message)" } ?? message)
    if !faults.contains(fault) { faults.append(fault) }
  }
}
