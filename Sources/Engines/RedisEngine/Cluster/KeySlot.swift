/// Where a cluster keeps a key: CRC-16/XMODEM of the key, or of what is between its first braces, modulo 16 384 (Redis
/// cluster specification).
enum KeySlot {
  static let count = 16_384

  static func of(_ key: some Collection<UInt8>) -> Int {
    var hashed = key[...]
    if let open = key.firstIndex(of: UInt8(ascii: "{")) {
      let rest = key[key.index(after: open)...]
      if let close = rest.firstIndex(of: UInt8(ascii: "}")), close != rest.startIndex { hashed = rest[..<close] }
    }
    var sum: UInt16 = 0
    for byte in hashed { sum = sum << 8 ^ table[Int(UInt8(truncatingIfNeeded: sum >> 8) ^ byte)] }
    return Int(sum) % count
  }

  /// Of the first key of a command; nil where it has none.
  static func of(_ command: [RESPArgument]) -> Int? {
    guard case .text(let name)? = command.first else { return nil }
    let place: Int
    switch name {
    case "EVAL", "EVALSHA":
      guard command.count > 3, case .integer(let keys) = command[2], keys > 0 else { return nil }
      place = 3
    case "TIME", "PING", "INFO", "FLUSHALL", "SCAN", "CONFIG", "CLIENT", "ACL", "WAIT": return nil
    default: place = 1
    }
    guard command.count > place else { return nil }
    return switch command[place] {
    case .text(let key): of(key.utf8)
    case .bytes(let key): of(key)
    case .integer(let key): of("\(key)".utf8)
    }
  }

  private static let table: [UInt16] = (0..<256).map { byte in
    (0..<8).reduce(UInt16(byte) << 8) { sum, _ in sum & 0x8000 == 0 ? sum << 1 : sum << 1 ^ 0x1021 }
  }
}
