import GravityContracts

/// Making the table.
extension RoutingTable {
  /// - Parameter local: Paths that the gateway answers itself, to GET.
  /// - Throws: ``RouteError`` for a path, method, host or header condition that means nothing, or two routes between
  ///   which nothing decides.
  init(routes: [Route], local: [String] = []) throws(RouteError) {
    for (index, path) in local.enumerated() {
      let get: UInt8 = 1 << RequestMethod.get.rawValue
      try insert(
        path,
        Candidate(methods: get, conditions: -1, target: .local(index)), of: nil,
        .init(name: path, routes: routes))
    }
    for (index, route) in routes.enumerated() {
      do throws(RouteError) {
        try insert(route, at: index, .init(name: route.name, routes: routes))
      } catch {
        var error = error
        error.route = index
        throw error
      }
    }
  }

  private mutating func insert(_ route: Route, at index: Int, _ naming: Naming) throws(RouteError) {
    guard route.access != .service else {
      throw RouteError(description: "\(route.name): what is between services is not routed")
    }
    try PreparedRoute.check(route)
    let methods = try Self.mask(route)
    let matchers = try Self.matchers(route)
    if !matchers.isEmpty { conditions.append(matchers) }
    for host in try Self.patterns(route) {
      let candidate = Candidate(
        methods: methods, conditions: matchers.isEmpty ? -1 : Int32(conditions.count - 1), target: .route(index))
      try insert(route.path, candidate, of: host, naming)
    }
  }

  /// Whose route is put in, for messages.
  private struct Naming {
    let name: String
    let routes: [Route]
  }

  private static func mask(_ route: Route) throws(RouteError) -> UInt8 {
    guard let names = route.methods else { return .max }
    var mask: UInt8 = 0
    for name in names {
      guard let method = RequestMethod.allCases.first(where: { $0.name == name }) else {
        throw RouteError(description: "\(route.name): unknown method \"\(name)\"")
      }
      mask |= 1 << method.rawValue
    }
    guard mask != 0 else { throw RouteError(description: "\(route.name): no method") }
    return mask
  }

  /// Each once; a single nil is any host.
  private static func patterns(_ route: Route) throws(RouteError) -> [HostPattern?] {
    var patterns: [HostPattern?] = []
    for host in route.hosts ?? [] {
      guard let pattern = HostPattern(host) else {
        throw RouteError(description: "\(route.name): \"\(host)\" is no host")
      }
      if !patterns.contains(pattern) { patterns.append(pattern) }
    }
    return patterns.isEmpty ? [nil] : patterns
  }

  private static func matchers(_ route: Route) throws(RouteError) -> [FieldMatcher] {
    guard route.headers.count <= FieldMatcher.maximumCount else {
      throw RouteError(
        description: "\(route.name): more than \(FieldMatcher.maximumCount) header conditions")
    }
    var matchers: [FieldMatcher] = []
    for condition in route.headers {
      let matcher = try FieldMatcher(condition, route: route.name)
      guard !matchers.contains(where: { $0.isAbout(matcher) }) else {
        throw RouteError(description: "\(route.name): two conditions on \"\(condition.name)\"")
      }
      matchers.append(matcher)
    }
    return matchers
  }

  /// - Parameter host: nil is any.
  private mutating func insert(
    _ path: String, _ candidate: Candidate, of host: HostPattern?, _ naming: Naming
  ) throws(RouteError) {
    let name = naming.name
    guard path.utf8.first == Octet.slash else {
      throw RouteError(description: "\(name): the path \"\(path)\" does not begin with /")
    }
    // Without its parameters a request would lead elsewhere, so none would ever be taken.
    guard !path.contains(";"), !path.uppercased().contains("%3B") else {
      throw RouteError(description: "\(name): the path \"\(path)\" has a parameter (;)")
    }
    var node = 0
    let segments = path.utf8.dropFirst().split(
      separator: Octet.slash, omittingEmptySubsequences: false)
    for (position, segment) in segments.enumerated() {
      let bytes = Array(segment)
      let isLast = position == segments.count - 1
      if bytes == Array("**".utf8) {
        guard isLast else { throw RouteError(description: "\(name): ** is only good at the end") }
        return try add(candidate, of: host, to: \.rest, at: node, naming)
      }
      guard !bytes.isEmpty || isLast else {
        throw RouteError(description: "\(name): an empty segment")
      }
      node = try descend(node, bytes, name)
    }
    try add(candidate, of: host, to: \.ends, at: node, naming)
  }

  private mutating func descend(_ node: Int, _ segment: [UInt8], _ name: String) throws(RouteError)
    -> Int
  {
    let (open, close) = (UInt8(ascii: "{"), UInt8(ascii: "}"))
    if segment.first == open, segment.last == close, segment.count > 2 {
      if let next = nodes[node].parameter { return next }
      nodes.append(Node())
      nodes[node].parameter = nodes.count - 1
      return nodes.count - 1
    }
    guard !segment.contains(open), !segment.contains(close), !segment.contains(UInt8(ascii: "*"))
    else {
      throw RouteError(description: "\(name): a field fills one whole segment")
    }
    let (found, place) = Self.place(in: nodes[node].literals, segment.span, ByteRange(0, segment.count))
    if let found { return nodes[node].literals[found].node }
    nodes.append(Node())
    nodes[node].literals.insert((segment, nodes.count - 1), at: place)
    return nodes.count - 1
  }

  private mutating func add(
    _ candidate: Candidate, of host: HostPattern?, to ends: WritableKeyPath<Node, Ends>, at node: Int,
    _ naming: Naming
  ) throws(RouteError) {
    guard let host else {
      nodes[node][keyPath: ends].any = try list(nodes[node][keyPath: ends].any, with: candidate, naming)
      return
    }
    if nodes[node][keyPath: ends].byHost < 0 {
      nodes[node][keyPath: ends].byHost = hosts.count
      hosts.append(HostTable())
    }
    let table = nodes[node][keyPath: ends].byHost
    hosts[table][host] = try list(hosts[table][host], with: candidate, naming)
  }

  /// - Parameter others: Those of the same place and host, in order of precedence.
  private func list(
    _ others: [Candidate], with candidate: Candidate, _ naming: Naming
  ) throws(RouteError) -> [Candidate] {
    for other in others where isUndecided(candidate, other) {
      var error = RouteError(description: complaint(naming, candidate, other))
      if case .route(let index) = other.target { error.other = index }
      throw error
    }
    var list = others
    list.insert(candidate, at: list.firstIndex { precedence($0) < precedence(candidate) } ?? list.endIndex)
    return list
  }

  /// Whether a request may fit both, of one host, while nothing says which goes first.
  private func isUndecided(_ one: Candidate, _ other: Candidate) -> Bool {
    guard one.methods & other.methods != 0 else { return false }
    // What the gateway answers itself no route may take, however many conditions it has.
    if case .local = other.target { return true }
    guard precedence(one) == precedence(other) else { return false }
    let others = matchers(other)
    return !matchers(one).contains { matcher in others.contains { $0.excludes(matcher) } }
  }

  private func matchers(_ candidate: Candidate) -> [FieldMatcher] {
    candidate.conditions < 0 ? [] : conditions[Int(candidate.conditions)]
  }

  private func precedence(_ candidate: Candidate) -> Precedence {
    Precedence(namesMethods: candidate.methods != .max, conditions: matchers(candidate).count)
  }

  private func complaint(_ naming: Naming, _ candidate: Candidate, _ other: Candidate) -> String {
    guard case .route(let index) = other.target else {
      return "\(naming.name): the gateway itself answers these requests"
    }
    let name = naming.routes[index].name
    guard candidate.conditions >= 0 else {
      return "\(naming.name): \"\(name)\" takes the same requests"
    }
    return """
      \(naming.name): a request may fulfil its \(matchers(candidate).count) header conditions and as many of \
      "\(name)"; let one ask for a value, or an absence, that the other rules out
      """
  }
}
