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
  private let platform: String?
  /// Where the walk may be, by all ways that lead there.
  private var places: Set<TemplatePlace>
  /// Characters read, by all those ways.
  private var steps = 0
  private(set) var faults: [TemplateFault] = []

  private static let greatestFaults = 20
  private static let greatestSteps = 2_000_000

  private init(_ variables: [String: TemplateVariable], isHTML: Bool, isPublic: Bool, platform: String?) {
    self.isPublic = isPublic
    self.variables = variables
    self.isHTML = isHTML
    self.platform = platform
    places = [TemplatePlace(isHTML: isHTML)]
  }

  /// - Parameters:
  ///   - isPublic: Others may see it, so there is no place for a secret.
  ///   - platform: The address that links with secrets in them begin with; nil where there are none.
  static func faults(
    in nodes: [TemplateNode], _ variables: [String: TemplateVariable], isHTML: Bool, isPublic: Bool = false,
    platform: String? = nil
  ) -> [TemplateFault] {
    var checker = TemplateChecker(variables, isHTML: isHTML, isPublic: isPublic, platform: platform)
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
    if isHTML, text.lowercased().contains("javascript:") { fault(.script) }
    steps += places.count * text.utf8.count
    guard steps <= Self.greatestSteps else { return fault(Self.tooLong) }
    places = Set(
      places.map { place in
        var place = place
        if let found = place.read(text) { fault(found) }
        return place
      })
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
    for place in places { check(place, path, variable) }
    places = Set(
      places.map { place in
        var place = place
        place.write(isAddress: variable.kind == .url)
        return place
      })
  }

  private mutating func check(_ place: TemplatePlace, _ path: TemplatePath, _ variable: TemplateVariable) {
    guard place.takesValues else {
      if place.kind == .comment || place.kind == .declaration {
        return fault("markup", "\(path) stands in a comment, where there is no place for values", path)
      }
      return fault("unquoted_attribute", "put {{\(path)}} in quotes: an attribute without them can be left", path)
    }
    if variable.kind == .secret {
      if !isPublic, !place.keepsSecrets(platform) {
        let address = platform.map { " \($0)" } ?? ", which GRAVITY_ISSUER names"
        fault(
          "secret", "\(path) is a secret: it goes into text, or into an href behind the platform's address\(address)",
          path)
      }
    } else if place.beginsLink, variable.kind != .url {
      fault("not_a_url", "\(path) begins a link: declare it as url", path)
    }
  }

  private mutating func choice(_ path: TemplatePath, _ then: [TemplateNode], _ otherwise: [TemplateNode]) {
    _ = declared(path)
    let (before, known) = (places, guarded)
    guarded.insert(name(path))
    walk(then)
    guarded = known
    let afterThen = places
    places = before
    walk(otherwise)
    join(afterThen)
  }

  private mutating func loop(_ path: TemplatePath, _ body: [TemplateNode]) {
    if let variable = declared(path), variable.kind != .list {
      fault("not_a_list", "\(path) is no list", path)
    }
    let before = places
    loops.append(name(path))
    walk(body)
    // A second time, since an item may follow another.
    walk(body)
    loops.removeLast()
    join(before)
  }

  private mutating func join(_ others: Set<TemplatePlace>) {
    places.formUnion(others)
    guard places.count > 64 else { return }
    fault(Self.tooLong)
    places = [TemplatePlace(isHTML: isHTML)]
  }

  private static let tooLong = TemplateFault("too_long", "there are too many ways through the text")

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
    fault(TemplateFault(code, path.map { "line \($0.line): \(message)" } ?? message))
  }

  private mutating func fault(_ fault: TemplateFault) {
    if !faults.contains(fault) { faults.append(fault) }
  }
}
