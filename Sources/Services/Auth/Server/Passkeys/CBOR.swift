/// CBOR (RFC 8949) as authenticators write it (CTAP 2.1 §8): what stands in attestation objects, keys and extensions.
enum CBOR: Sendable, Hashable {
  case integer(Int64)
  case bytes([UInt8])
  case text(String)
  case array([CBOR])
  case map([Key: CBOR])
  case bool(Bool)
  case null

  /// Authenticators use no others.
  enum Key: Sendable, Hashable {
    case integer(Int64)
    case text(String)
  }

  /// - Throws: ``CBORFault`` also where something follows.
  init(_ bytes: [UInt8]) throws(CBORFault) {
    var reader = CBORReader(bytes[...])
    self = try reader.item()
    guard reader.rest.isEmpty else { throw CBORFault("there is something after the item") }
  }

  subscript(key: Key) -> CBOR? { if case .map(let members) = self { members[key] } else { nil } }
  subscript(name: String) -> CBOR? { self[.text(name)] }

  var bytes: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }
  var text: String? { if case .text(let text) = self { text } else { nil } }
  var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
  var isMap: Bool { if case .map = self { true } else { false } }
}

struct CBORFault: Error, Hashable {
  var reason: String
  init(_ reason: String) { self.reason = reason }
}

/// Reads one item after the other, strictly: lengths are definite and written in the shortest way, no key of a map
/// comes twice, nothing is tagged, and no number is larger than a signed integer of 64 bits. Floats are refused, as no
/// authenticator writes any. The order of keys does not matter, since some write them in another one.
struct CBORReader {
  /// Arrays and maps in one another; authenticators need four, and a chain of attestations five.
  static let greatestDepth = 8

  /// What was not read.
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  mutating func item() throws(CBORFault) -> CBOR { try item(depth: 0) }

  private mutating func item(depth: Int) throws(CBORFault) -> CBOR {
    let head = try take(1)[0]
    let (major, info) = (head >> 5, head & 0x1F)
    if major == 7 { return try simple(info) }
    let argument = try argument(info)
    switch major {
    case 0: return .integer(try signed(argument))
    case 1: return .integer(-1 - (try signed(argument)))
    case 2: return .bytes(try take(argument))
    case 3: return .text(try text(argument))
    case 4:
      try descend(depth, items: argument)
      var items: [CBOR] = []
      for _ in 0..<argument { items.append(try item(depth: depth + 1)) }
      return .array(items)
    case 5:
      try descend(depth, items: argument)
      return try map(argument, depth)
    default: throw CBORFault("there is a tag")
    }
  }

  private func simple(_ info: UInt8) throws(CBORFault) -> CBOR {
    switch info {
    case 20: .bool(false)
    case 21: .bool(true)
    case 22: .null
    default: throw CBORFault("there is a float, or a simple value that is none of true, false and null")
    }
  }

  private mutating func map(_ count: UInt64, _ depth: Int) throws(CBORFault) -> CBOR {
    var members: [CBOR.Key: CBOR] = [:]
    for _ in 0..<count {
      let key: CBOR.Key
      switch try item(depth: depth + 1) {
      case .integer(let number): key = .integer(number)
      case .text(let text): key = .text(text)
      default: throw CBORFault("a key is neither an integer nor a text")
      }
      let value = try item(depth: depth + 1)
      guard members.updateValue(value, forKey: key) == nil else { throw CBORFault("a key comes twice") }
    }
    return .map(members)
  }

  /// What a count says is not believed before there are as many bytes.
  private func descend(_ depth: Int, items count: UInt64) throws(CBORFault) {
    guard depth < Self.greatestDepth else { throw CBORFault("it is nested too deeply") }
    guard count <= UInt64(rest.count) else { throw CBORFault("it ends too early") }
  }

  private func signed(_ argument: UInt64) throws(CBORFault) -> Int64 {
    guard let number = Int64(exactly: argument) else { throw CBORFault("a number is too large") }
    return number
  }

  private mutating func text(_ count: UInt64) throws(CBORFault) -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else { throw CBORFault("a text is no UTF-8") }
    return text
  }

  private mutating func argument(_ info: UInt8) throws(CBORFault) -> UInt64 {
    let (size, least): (UInt64, UInt64)
    switch info {
    case ..<24: return UInt64(info)
    case 24: (size, least) = (1, 24)
    case 25: (size, least) = (2, 1 << 8)
    case 26: (size, least) = (4, 1 << 16)
    case 27: (size, least) = (8, 1 << 32)
    default: throw CBORFault("a length is indefinite or reserved")
    }
    let number = try take(size).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard number >= least else { throw CBORFault("a number is not written in the shortest way") }
    return number
  }

  private mutating func take(_ count: UInt64) throws(CBORFault) -> [UInt8] {
    guard count <= UInt64(rest.count) else { throw CBORFault("it ends too early") }
    defer { rest = rest.dropFirst(Int(count)) }
    return Array(rest.prefix(Int(count)))
  }
}
