/// A key that a mapping of the file may have, and what becomes of its value.
struct Key<Subject>: Sendable {
  let name: String
  let isRequired: Bool
  let take: @Sendable (FileNode, inout Subject, inout Mistakes) -> Void

  init<Value>(
    _ name: String, _ reader: Reader<Value>, required: Bool = false,
    set: @escaping @Sendable (inout Subject, Value) -> Void
  ) {
    self.name = name
    isRequired = required
    take = { node, subject, mistakes in
      if let value = reader.read(node, &mistakes) { set(&subject, value) }
    }
  }
}

extension Key {
  /// Reads a mapping of these keys into `subject`.
  ///
  /// - Parameters:
  ///   - what: What it is, for messages: `a route`.
  /// - Returns: Where each key's value stands; nil where it is no mapping.
  @discardableResult
  static func read(
    _ node: FileNode, _ what: String, _ keys: [Key], into subject: inout Subject, _ mistakes: inout Mistakes
  ) -> [String: Place]? {
    guard case .mapping(let pairs) = node.content else {
      mistakes.add(node.place, node.kind, expected: "\(what): a mapping with \(listed(keys.map(\.name)))")
      return nil
    }
    var places: [String: Place] = [:]
    for (key, value) in pairs {
      guard case .text(let name, _) = key.content, let known = keys.first(where: { $0.name == name }) else {
        mistakes.add(key.place, "\(key.kind) is no key of \(what)", expected: listed(keys.map(\.name)))
        continue
      }
      places[name] = value.place
      known.take(value, &subject, &mistakes)
    }
    for key in keys where key.isRequired && places[key.name] == nil {
      mistakes.add(node.place, "\(what) without \(key.name)", expected: "\(key.name): …")
    }
    return places
  }
}

extension Reader {
  /// A mapping of these keys.
  static func mapping(_ what: String, _ keys: [Key<Value>], from start: Value) -> Reader where Value: Sendable {
    Reader { node, mistakes in
      var (value, own) = (start, Mistakes())
      Key.read(node, what, keys, into: &value, &own)
      for mistake in own.all { mistakes.add(mistake.place, mistake.text) }
      return own.all.isEmpty ? value : nil
    }
  }
}
