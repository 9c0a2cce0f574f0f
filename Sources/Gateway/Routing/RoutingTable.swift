import GravityContracts

/// The routes, compiled into a trie of path segments, so that finding one takes a comparison or two a segment however
/// many there are.
struct RoutingTable: Sendable {
  enum Target: Sendable, Hashable {
    /// The index of a ``Route``.
    case route(Int)
    /// The index of a response of the gateway's own.
    case local(Int)
  }

  enum Match: Sendable, Hashable {
    case found(Target)
    /// There is the path, not the method; with what `Allow` lists (RFC 9110 §10.2.1).
    case methodNotAllowed(allow: String)
    case notFound
  }

  private struct Candidate: Sendable {
    var methods: UInt8
    var hosts: [HostPattern]
    var target: Target
  }

  private struct Node: Sendable {
    var literals: [(segment: [UInt8], node: Int)] = []
    var parameter: Int?
    var candidates: [Candidate] = []
    /// Those of `**` here.
    var rest: [Candidate] = []
  }

  private var nodes = [Node()]

  /// - Parameter local: Paths that the gateway answers itself, to GET.
  /// - Throws: ``RouteError`` for a path, method or host that means nothing, or two routes for the same requests.
  init(routes: [Route], local: [String] = []) throws(RouteError) {
    for (index, path) in local.enumerated() {
      try insert(path, Candidate(methods: 1 << RequestMethod.get.rawValue, hosts: [], target: .local(index)), path)
    }
    for (index, route) in routes.enumerated() {
      guard route.access != .service else {
        throw RouteError(description: "\(route.name): what is between services is not routed")
      }
      let candidate = Candidate(
        methods: try Self.mask(route), hosts: try Self.hosts(route), target: .route(index))
      try insert(route.path, candidate, route.name)
    }
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

  private static func hosts(_ route: Route) throws(RouteError) -> [HostPattern] {
    var patterns: [HostPattern] = []
    for host in route.hosts ?? [] {
      guard let pattern = HostPattern(host) else {
        throw RouteError(description: "\(route.name): \"\(host)\" is no host")
      }
      patterns.append(pattern)
    }
    return patterns
  }

  private mutating func insert(_ path: String, _ candidate: Candidate, _ name: String) throws(RouteError) {
    guard path.utf8.first == Octet.slash else {
      throw RouteError(description: "\(name): the path \"\(path)\" does not begin with /")
    }
    var node = 0
    let segments = path.utf8.dropFirst().split(separator: Octet.slash, omittingEmptySubsequences: false)
    for (position, segment) in segments.enumerated() {
      let bytes = Array(segment)
      let isLast = position == segments.count - 1
      if bytes == Array("**".utf8) {
        guard isLast else { throw RouteError(description: "\(name): ** is only good at the end") }
        return try add(candidate, to: \.rest, of: node, name)
      }
      guard !bytes.isEmpty || isLast else { throw RouteError(description: "\(name): an empty segment") }
      node = try descend(node, bytes, name)
    }
    try add(candidate, to: \.candidates, of: node, name)
  }

  private mutating func descend(_ node: Int, _ segment: [UInt8], _ name: String) throws(RouteError) -> Int {
    let (open, close) = (UInt8(ascii: "{"), UInt8(ascii: "}"))
    if segment.first == open, segment.last == close, segment.count > 2 {
      if let next = nodes[node].parameter { return next }
      nodes.append(Node())
      nodes[node].parameter = nodes.count - 1
      return nodes.count - 1
    }
    guard !segment.contains(open), !segment.contains(close), !segment.contains(UInt8(ascii: "*")) else {
      throw RouteError(description: "\(name): a field fills one whole segment")
    }
    if let known = nodes[node].literals.first(where: { $0.segment == segment }) { return known.node }
    nodes.append(Node())
    nodes[node].literals.append((segment, nodes.count - 1))
    return nodes.count - 1
  }

  private mutating func add(
    _ candidate: Candidate, to list: WritableKeyPath<Node, [Candidate]>, of node: Int, _ name: String
  ) throws(RouteError) {
    for other in nodes[node][keyPath: list] where other.methods & candidate.methods != 0 {
      if other.hosts.isEmpty && candidate.hosts.isEmpty || !Set(other.hosts).isDisjoint(with: candidate.hosts) {
        throw RouteError(description: "\(name): another route takes the same requests")
      }
    }
    if candidate.hosts.isEmpty {
      nodes[node][keyPath: list].append(candidate)
    } else {
      nodes[node][keyPath: list].insert(candidate, at: 0)
    }
  }

  /// - Parameters:
  ///   - path: As the request target has it, checked by ``RequestTarget``; empty stands for `/`.
  ///   - host: Without its port.
  func match(_ path: Span<UInt8>, method: RequestMethod, host: Span<UInt8>) -> Match {
    let wanted: UInt8 = method == .head ? 0b11 : 1 << method.rawValue
    var search = Search(wanted: wanted)
    let found =
      path.isEmpty
      ? nodes[0].literals.first { $0.segment.isEmpty }.flatMap { pick(nodes[$0.node].candidates, host, &search) }
      : find(0, path, 0, host, &search)
    if let found { return .found(found) }
    return search.allowed == 0 ? .notFound : .methodNotAllowed(allow: Self.allow(search.allowed))
  }

  private struct Search {
    let wanted: UInt8
    /// Methods of the candidates that had the path and the host.
    var allowed: UInt8 = 0
  }

  private func find(
    _ node: Int, _ path: Span<UInt8>, _ slash: Int, _ host: Span<UInt8>, _ search: inout Search
  ) -> Target? {
    if slash == path.count { return pick(nodes[node].candidates, host, &search) }
    let start = slash + 1
    var end = start
    while end < path.count, path[end] != Octet.slash { end += 1 }
    let length = end - start
    for literal in nodes[node].literals where literal.segment.count == length {
      var index = 0
      while index < length, path[start + index] == literal.segment[index] { index += 1 }
      if index == length {
        if let found = find(literal.node, path, end, host, &search) { return found }
        break
      }
    }
    if length > 0, let parameter = nodes[node].parameter,
      let found = find(parameter, path, end, host, &search)
    {
      return found
    }
    return pick(nodes[node].rest, host, &search)
  }

  private func pick(_ candidates: [Candidate], _ host: Span<UInt8>, _ search: inout Search) -> Target? {
    for candidate in candidates {
      guard candidate.hosts.isEmpty || candidate.hosts.contains(where: { $0.matches(host) }) else { continue }
      if candidate.methods & search.wanted != 0 { return candidate.target }
      search.allowed |= candidate.methods
    }
    return nil
  }

  private static func allow(_ mask: UInt8) -> String {
    let all = mask & 1 == 1 ? mask | 1 << RequestMethod.head.rawValue : mask
    return RequestMethod.allCases.filter { all >> $0.rawValue & 1 == 1 }.map(\.name).joined(separator: ", ")
  }
}

/// `example.org`, or `*.example.org` for every name below it.
struct HostPattern: Sendable, Hashable {
  private let name: [UInt8]
  private let matchesBelow: Bool

  init?(_ text: String) {
    let lower = text.lowercased()
    matchesBelow = lower.hasPrefix("*.")
    name = Array((matchesBelow ? lower.dropFirst(1) : lower[...]).utf8)
    let punctuation = Array("[:]".utf8)
    guard !name.isEmpty, name.allSatisfy({ Octet.isUnreserved($0) || punctuation.contains($0) }) else { return nil }
  }

  func matches(_ host: Span<UInt8>) -> Bool {
    guard matchesBelow ? host.count > name.count : host.count == name.count else { return false }
    let offset = host.count - name.count
    for index in name.indices {
      let byte = host[offset + index]
      guard (byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte) == name[index] else { return false }
    }
    return true
  }
}
