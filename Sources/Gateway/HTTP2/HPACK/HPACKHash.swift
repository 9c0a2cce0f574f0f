#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Tells fields apart at a glance, eight octets at a time.
///
/// It need not withstand anybody who looks for collisions: they cost the length of a chain, which a table of 4 096 octets
/// bounds by 128 entries, and equality is always checked by the octets themselves.
enum HPACKHash {
  static func name(_ name: UnsafeRawBufferPointer) -> UInt64 { combine(0x9E37_79B9_7F4A_7C15, name) }

  /// - Parameter nameHash: What ``name(_:)`` says of the field's name.
  static func field(nameHash: UInt64, value: UnsafeRawBufferPointer) -> UInt64 { combine(nameHash, value) }

  @inline(__always)
  private static func combine(_ seed: UInt64, _ octets: UnsafeRawBufferPointer) -> UInt64 {
    let count = octets.count
    var hash = mix(seed ^ UInt64(truncatingIfNeeded: count))
    var index = 0
    while index &+ 8 <= count {
      hash = mix(hash ^ octets.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      index &+= 8
    }
    guard index < count else { return hash }
    // The last octets: with some that were taken before where there are eight, else one after the other.
    if count >= 8 { return mix(hash ^ octets.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)) }
    var rest: UInt64 = 0
    while index < count {
      rest = rest << 8 | UInt64(octets[index])
      index &+= 1
    }
    return mix(hash ^ rest)
  }

  @inline(__always)
  private static func mix(_ word: UInt64) -> UInt64 {
    let product = word.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
  }
}

extension UnsafeRawBufferPointer {
  @inline(__always)
  func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count else { return false }
    guard let mine = baseAddress, let others = other.baseAddress else { return true }
    return memcmp(mine, others, count) == 0
  }
}
