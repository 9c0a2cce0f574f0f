/// How keys and channels are called: `gravity:…`, or what the platform was given instead, so that several can share a
/// server.
struct RedisNames: Sendable {
  let prefix: String

  /// - Throws: ``RedisError`` with `invalid`.
  init(prefix: String) throws(RedisError) {
    // A brace would change which part of a key a cluster hashes.
    guard (1...64).contains(prefix.utf8.count),
      prefix.utf8.allSatisfy({ (33...126).contains($0) && $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: "}") })
    else { throw RedisError(.invalid, "a prefix of Redis keys is 1 to 64 printable ASCII characters without braces") }
    self.prefix = prefix
  }

  func callAsFunction(_ rest: String) -> String { "\(prefix):\(rest)" }
}

extension Int64 {
  /// Twenty digits that are ordered as the numbers are. Lua's numbers are exact up to 2^53 only, so scripts compare
  /// these, half by half.
  var sortableDigits: String {
    let digits = String(UInt64(bitPattern: self) ^ (1 << 63))
    return String(repeating: "0", count: 20 - digits.utf8.count) + digits
  }

  init?(sortableDigits: String) {
    guard sortableDigits.utf8.count == 20, let bits = UInt64(sortableDigits) else { return nil }
    self.init(bitPattern: bits ^ (1 << 63))
  }
}

extension Duration {
  /// Rounded up, and no more than thirty years, so that sums with a time stay exact in Lua.
  var wholeMicroseconds: Int64 {
    let (seconds, attoseconds) = components
    guard seconds < 1_000_000_000 else { return 1_000_000_000_000_000 }
    return max(0, seconds * 1_000_000 + (attoseconds + 999_999_999_999) / 1_000_000_000_000)
  }
}
