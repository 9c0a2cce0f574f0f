public import Foundation

extension UUID {
  /// A version 7 UUID (RFC 9562 §5.7): 48 bits of milliseconds, then 74 random bits, so that ids sort by their age.
  public static func v7(at time: Date, using random: inout some RandomNumberGenerator) -> UUID {
    let milliseconds = UInt64(max(0, time.timeIntervalSince1970 * 1000))
    let (a, b) = (random.next() as UInt64, random.next() as UInt64)
    func byte(_ value: UInt64, _ shift: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: value >> shift) }
    return UUID(
      uuid: (
        byte(milliseconds, 40), byte(milliseconds, 32), byte(milliseconds, 24), byte(milliseconds, 16),
        byte(milliseconds, 8), byte(milliseconds, 0), 0x70 | byte(a, 8) & 0x0F, byte(a, 0),
        0x80 | byte(b, 56) & 0x3F, byte(b, 48), byte(b, 40), byte(b, 32), byte(b, 24), byte(b, 16), byte(b, 8),
        byte(b, 0)
      ))
  }

  /// A version 7 UUID of this moment, from the system's random bytes.
  public static func v7() -> UUID {
    var random = SystemRandomNumberGenerator()
    return v7(at: Date(), using: &random)
  }

  /// As the wire and the databases write it.
  public var lowercased: String { uuidString.lowercased() }
}

// Foundation writes UUIDs in capitals; RFC 9562 §4 asks for small letters. Synthesised conformances find these by
// overload.
extension KeyedEncodingContainer {
  public mutating func encode(_ value: UUID, forKey key: Key) throws { try encode(value.lowercased, forKey: key) }
  public mutating func encodeIfPresent(_ value: UUID?, forKey key: Key) throws {
    if let value { try encode(value.lowercased, forKey: key) }
  }
}
