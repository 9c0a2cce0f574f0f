/// The candidates of one path that name a host, by that host: found by halving, however many hosts there are.
struct HostTable: Sendable {
  /// Names, shorter ones first and those of one length by their octets, and what each leads to.
  private struct Names {
    var names: [[UInt8]] = []
    /// Of each name, in order of precedence.
    var candidates: [[RoutingTable.Candidate]] = []
  }
  private var whole = Names()
  /// The ends of names, each from a dot on.
  private var below = Names()

  /// How far a host's patterns were gone through.
  struct Walk {
    /// Without its port.
    let host: ByteRange
    /// Where the next name begins that may fit; the whole host is the first.
    fileprivate var next: Int
    /// Names that were looked at.
    fileprivate(set) var looked = 0

    init(_ host: ByteRange) {
      self.host = host
      next = host.start
    }
  }

  /// What the next pattern leads to that the host fits, the narrowest first; nil when there is none left.
  func next(_ walk: inout Walk, _ bytes: Span<UInt8>) -> [RoutingTable.Candidate]? {
    let host = walk.host
    if walk.next == host.start {
      // No end of the host is looked for that is longer than all there are, however many dots it has.
      walk.next = max(host.start + 1, host.end - (below.names.last?.count ?? 0))
      if let place = Self.place(of: host, bytes, in: whole.names, &walk.looked).found { return whole.candidates[place] }
    }
    while walk.next < host.end {
      let start = walk.next
      walk.next += 1
      guard bytes[start] == Octet.dot else { continue }
      let end = ByteRange(start, host.end)
      if let place = Self.place(of: end, bytes, in: below.names, &walk.looked).found { return below.candidates[place] }
    }
    return nil
  }

  /// - Returns: Where the name stands, or where it would.
  private static func place(
    of name: ByteRange, _ bytes: Span<UInt8>, in names: [[UInt8]], _ looked: inout Int
  ) -> (found: Int?, lower: Int) {
    var (low, high) = (0, names.count)
    while low < high {
      let middle = (low + high) / 2
      looked += 1
      switch order(names[middle], bytes, name) {
      case 0: return (middle, middle)
      case ..<0: low = middle + 1
      default: high = middle
      }
    }
    return (nil, low)
  }

  /// - Returns: Negative where `known` stands before the name, 0 where it is the same in any case.
  private static func order(_ known: [UInt8], _ bytes: Span<UInt8>, _ name: ByteRange) -> Int {
    guard known.count == name.count else { return known.count - name.count }
    for index in 0..<known.count {
      let byte = bytes[name.start + index]
      let lower = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
      guard known[index] == lower else { return Int(known[index]) - Int(lower) }
    }
    return 0
  }

  // MARK: - Making it

  /// What a pattern leads to; empty where it is not known yet.
  subscript(pattern: HostPattern) -> [RoutingTable.Candidate] {
    get {
      let names = pattern.matchesBelow ? below : whole
      return Self.place(of: pattern.name, in: names.names).found.map { names.candidates[$0] } ?? []
    }
    set {
      let list = pattern.matchesBelow ? \HostTable.below : \HostTable.whole
      let (found, lower) = Self.place(of: pattern.name, in: self[keyPath: list].names)
      if let found { return self[keyPath: list].candidates[found] = newValue }
      self[keyPath: list].names.insert(pattern.name, at: lower)
      self[keyPath: list].candidates.insert(newValue, at: lower)
    }
  }

  private static func place(of name: [UInt8], in names: [[UInt8]]) -> (found: Int?, lower: Int) {
    var looked = 0
    return place(of: ByteRange(0, name.count), name.span, in: names, &looked)
  }
}
