/// A ``Balancing``, checked and ready: nothing in it is counted when it is copied.
enum BalanceRule: Sendable, Equatable {
  case peakEWMA, roundRobin, leastConnections
  /// 0 sets no bound.
  case consistentHash(loadFactor: Double)

  init(_ balancing: Balancing?) {
    switch balancing {
    case nil, .peakEWMA?: self = .peakEWMA
    case .roundRobin?: self = .roundRobin
    case .leastConnections?: self = .leastConnections
    case .consistentHash(_, let factor)?: self = .consistentHash(loadFactor: factor ?? 0)
    }
  }
}

/// Where the key of a consistent hash is in a request.
struct HashSource: Sendable {
  private enum Place: Sendable {
    case client
    case header([UInt8])
    case cookie([UInt8])
    /// Counted from the first segment of the path.
    case segment(Int)
  }
  private let place: Place

  /// nil where the policy has no key.
  ///
  /// - Throws: ``RouteError`` for a name that no request could have, or a factor that is none.
  init?(_ route: Route) throws(RouteError) {
    guard case .consistentHash(let key, let factor)? = route.balance else { return nil }
    if let factor, !(factor > 1 && factor <= 100) {
      throw RouteError(description: "\(route.name): a load factor is more than 1 and at most 100, not \(factor)")
    }
    switch key {
    case .client: place = .client
    case .header(let name):
      place = .header(Array(try FieldName.checked(name, "\(route.name): a hash").utf8))
    case .cookie(let name):
      guard (1...256).contains(name.utf8.count), name.utf8.allSatisfy(Octet.isToken) else {
        throw RouteError(description: "\(route.name): \"\(name)\" is no name of a cookie")
      }
      place = .cookie(Array(name.utf8))
    case .pathField(let name):
      let segments = route.path.utf8.dropFirst().split(separator: Octet.slash, omittingEmptySubsequences: false)
      guard let index = segments.firstIndex(where: { $0.elementsEqual("{\(name)}".utf8) }) else {
        throw RouteError(description: "\(route.name): the path \(route.path) has no field {\(name)} to hash by")
      }
      place = .segment(index)
    }
  }

  /// - Returns: The key's hash, the same in every process; nil where the request has no key.
  func key(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer, client: String) -> UInt64? {
    switch place {
    case .client:
      var client = client
      return client.withUTF8 { StableHash.of(UnsafeRawBufferPointer($0)) }
    case .header(let name):
      guard let value = FieldLines.first(name, in: bytes, head.kept), !value.isEmpty else { return nil }
      return StableHash.of(bytes[value])
    case .cookie(let name): return cookie(name, head, bytes)
    case .segment(let index): return segment(index, bytes[head.target.path])
    }
  }

  private func cookie(_ name: [UInt8], _ head: RequestHead, _ bytes: UnsafeRawBufferPointer) -> UInt64? {
    var found: UInt64?
    FieldLines.forEach(Array("cookie".utf8), in: bytes, head.kept) { value in
      guard found == nil else { return }
      let line = bytes[value]
      var index = 0
      while index < line.count {
        var end = index
        while end < line.count, line[end] != Octet.semicolon { end += 1 }
        let pair = line.trimmed(ByteRange(index, end))
        if pair.count > name.count, line[pair.start + name.count] == UInt8(ascii: "="),
          line[ByteRange(pair.start, pair.start + name.count)].elementsEqual(name)
        {
          let content = line[ByteRange(pair.start + name.count + 1, pair.end)]
          if !content.isEmpty { found = StableHash.of(content) }
          return
        }
        index = end + 1
      }
    }
    return found
  }

  private func segment(_ wanted: Int, _ path: UnsafeRawBufferPointer) -> UInt64? {
    var (index, number) = (1, 0)
    while index <= path.count {
      var end = index
      while end < path.count, path[end] != Octet.slash { end += 1 }
      if number == wanted { return end > index ? StableHash.of(path[ByteRange(index, end)]) : nil }
      number += 1
      index = end + 1
    }
    return nil
  }
}

/// A hash that is the same in every process: FNV-1a, its bits mixed as MurmurHash3 does at the end. Nothing secret
/// depends on it.
enum StableHash {
  static func of(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return mixed(hash)
  }

  @inline(__always)
  static func mixed(_ value: UInt64) -> UInt64 {
    var hash = value
    hash ^= hash >> 33
    hash = hash &* 0xff51_afd7_ed55_8ccd
    hash ^= hash >> 33
    hash = hash &* 0xc4ce_b9fe_1a85_ec53
    return hash ^ hash >> 33
  }
}
