/// The routes, compiled into a trie of path segments, so that finding one takes a comparison or two a segment however
/// many there are, and for a path's many hosts as few.
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

  /// One way to a target. It holds no reference, so that looking at it counts none.
  struct Candidate: Sendable {
    /// A bit for each; all are set where the route names none.
    var methods: UInt8
    /// In ``conditions``; -1 is none.
    var conditions: Int32
    var target: Target
  }

  /// The ways to targets that there are at one place.
  struct Ends: Sendable {
    /// In ``hosts``: those that name one, which go first; -1 where none does.
    var byHost = -1
    /// The others. The first that fits is taken: they stand in order of precedence.
    var any: [Candidate] = []
  }

  struct Node: Sendable {
    /// Shorter ones first, and those of one length by their octets.
    var literals: [(segment: [UInt8], node: Int)] = []
    var parameter: Int?
    var ends = Ends()
    /// Those of `**` here.
    var rest = Ends()
  }

  var nodes = [Node()]
  var hosts: [HostTable] = []
  var conditions: [[FieldMatcher]] = []

  /// - Parameters:
  ///   - bytes: The head.
  ///   - path: As the request target has it, checked by ``RequestTarget``; empty stands for `/`.
  ///   - host: Without its port.
  ///   - fields: The header lines that travel on; asked for only where a route has a condition.
  func match(
    _ bytes: Span<UInt8>, path: ByteRange, method: RequestMethod, host: ByteRange,
    fields: @autoclosure () -> HeaderRuns
  ) -> Match {
    // Where no route has a condition nobody looks at the lines; then not even a reference to them is counted.
    guard !conditions.isEmpty else {
      return match(bytes, Search(method, path, host, UnsafeBufferPointer(start: nil, count: 0)))
    }
    return fields().runs.withUnsafeBufferPointer { match(bytes, Search(method, path, host, $0)) }
  }

  private func match(_ bytes: Span<UInt8>, _ start: Search) -> Match {
    var search = start
    let path = search.path
    let found = path.isEmpty ? findRoot(bytes, &search) : find(0, bytes, path.start, &search)
    if let found { return .found(found) }
    return search.allowed == 0 ? .notFound : .methodNotAllowed(allow: Self.allow(search.allowed))
  }

  /// The absolute form without a path is `/` (RFC 9112 §3.2.1): a first segment that is empty.
  private func findRoot(_ bytes: Span<UInt8>, _ search: inout Search) -> Target? {
    if let root = nodes[0].literals.first, root.segment.isEmpty,
      let found = pick(nodes[root.node].ends, bytes, &search)
    {
      return found
    }
    return pick(nodes[0].rest, bytes, &search)
  }

  private struct Search {
    let wanted: UInt8
    let path: ByteRange
    let host: ByteRange
    /// Good until ``match(_:path:method:host:fields:)`` returns; empty when no route looks at them.
    let runs: UnsafeBufferPointer<ByteRange>
    /// Methods of the candidates that had the path, the host and the header fields.
    var allowed: UInt8 = 0

    init(
      _ method: RequestMethod, _ path: ByteRange, _ host: ByteRange,
      _ runs: UnsafeBufferPointer<ByteRange>
    ) {
      wanted = method == .head ? 0b11 : 1 << method.rawValue
      self.path = path
      self.host = host
      self.runs = runs
    }
  }

  private func find(_ node: Int, _ bytes: Span<UInt8>, _ slash: Int, _ search: inout Search)
    -> Target?
  {
    let pathEnd = search.path.end
    if slash == pathEnd { return pick(nodes[node].ends, bytes, &search) }
    let start = slash + 1
    var end = start
    while end < pathEnd, bytes[end] != Octet.slash { end += 1 }
    let length = end - start
    if let literal = Self.place(in: nodes[node].literals, bytes, ByteRange(start, end)).found,
      let found = find(nodes[node].literals[literal].node, bytes, end, &search)
    {
      return found
    }
    if length > 0, let parameter = nodes[node].parameter,
      let found = find(parameter, bytes, end, &search)
    {
      return found
    }
    return pick(nodes[node].rest, bytes, &search)
  }

  /// - Returns: Where a segment stands, or where it would.
  @inline(__always)
  static func place(
    in literals: [(segment: [UInt8], node: Int)], _ bytes: Span<UInt8>, _ segment: ByteRange
  ) -> (found: Int?, lower: Int) {
    var (low, high) = (0, literals.count)
    while low < high {
      let middle = (low + high) / 2
      switch order(literals[middle].segment, bytes, segment) {
      case 0: return (middle, middle)
      case ..<0: low = middle + 1
      default: high = middle
      }
    }
    return (nil, low)
  }

  /// - Returns: Negative where `literal` stands before the segment, 0 where it is the same.
  @inline(__always)
  private static func order(_ literal: [UInt8], _ bytes: Span<UInt8>, _ segment: ByteRange) -> Int {
    let length = segment.count
    guard literal.count == length else { return literal.count - length }
    var index = 0
    while index < length {
      let (one, other) = (literal[index], bytes[segment.start + index])
      guard one == other else { return Int(one) - Int(other) }
      index += 1
    }
    return 0
  }

  private func pick(_ ends: Ends, _ bytes: Span<UInt8>, _ search: inout Search) -> Target? {
    if ends.byHost >= 0, let found = pickByHost(ends.byHost, bytes, &search) { return found }
    return pick(ends.any, bytes, &search)
  }

  @inline(never)
  private func pickByHost(_ table: Int, _ bytes: Span<UInt8>, _ search: inout Search) -> Target? {
    var walk = HostTable.Walk(search.host)
    while let candidates = hosts[table].next(&walk, bytes) {
      if let found = pick(candidates, bytes, &search) { return found }
    }
    return nil
  }

  private func pick(_ candidates: [Candidate], _ bytes: Span<UInt8>, _ search: inout Search)
    -> Target?
  {
    for candidate in candidates {
      let isWanted = candidate.methods & search.wanted != 0
      // One that could only add a method which is known already need not be looked at.
      guard isWanted || candidate.methods & ~search.allowed != 0 else { continue }
      if candidate.conditions >= 0, !fulfils(Int(candidate.conditions), bytes, search.runs) {
        continue
      }
      if isWanted { return candidate.target }
      search.allowed |= candidate.methods
    }
    return nil
  }

  @inline(never)
  private func fulfils(_ index: Int, _ bytes: Span<UInt8>, _ runs: UnsafeBufferPointer<ByteRange>)
    -> Bool
  {
    bytes.withUnsafeBytes { raw in conditions[index].allSatisfy { $0.holds(raw, runs) } }
  }

  private static func allow(_ mask: UInt8) -> String {
    let all = mask & 1 == 1 ? mask | 1 << RequestMethod.head.rawValue : mask
    return RequestMethod.allCases.filter { all >> $0.rawValue & 1 == 1 }.map(\.name).joined(
      separator: ", ")
  }
}

/// Which of two routes of one path and one host goes first: the one that names its methods, then the one with more header
/// conditions.
struct Precedence: Sendable, Hashable, Comparable {
  var namesMethods: Bool
  var conditions: Int

  static func < (one: Precedence, other: Precedence) -> Bool {
    if one.namesMethods != other.namesMethods { return other.namesMethods }
    return one.conditions < other.conditions
  }
}
