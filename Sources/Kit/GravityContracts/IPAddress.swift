import Foundation

/// An IPv4 or IPv6 address. An IPv4 address that IPv6 maps (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2) is that IPv4 address.
public struct IPAddress: Sendable, Hashable {
  private var high: UInt64
  private var low: UInt64

  /// - Parameter text: As RFC 4291 §2.2 writes it, or four decimal numbers; no brackets, port, zone or white space.
  /// - Returns: nil for anything else.
  public init?(_ text: String) {
    // The C library would read up to the NUL.
    guard text.utf8.count < 46, !text.utf8.contains(0) else { return nil }
    var four = in_addr()
    var sixteen = in6_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      guard let address = withUnsafeBytes(of: &four, { IPAddress(bytes: $0) }) else { return nil }
      self = address
    } else {
      guard inet_pton(AF_INET6, text, &sixteen) == 1,
        let address = withUnsafeBytes(of: &sixteen, { IPAddress(bytes: $0) })
      else { return nil }
      self = address
    }
  }

  /// - Parameter bytes: 4 or 16, in network order.
  /// - Returns: nil for another number of them.
  public init?(bytes: UnsafeRawBufferPointer) {
    switch bytes.count {
    case 4:
      (high, low) = (0, 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))))
    case 16:
      high = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
      low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    default: return nil
    }
  }

  public var isVersion6: Bool { !(high == 0 && low >> 32 == 0xFFFF) }

  /// Its 128 bits as 32 hexadecimal digits, an IPv4 address as IPv6 maps it: the same text for the same address.
  public var hexadecimal: String {
    [high, low].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }.joined()
  }

  /// The address with all but its first bits zero.
  /// - Parameter length: Bits to keep, 0 to 32 of an IPv4 address, 0 to 128 of an IPv6 address; more keep them all.
  public func network(_ length: Int) -> IPAddress {
    let bits = max(0, length) + (isVersion6 ? 0 : 96)
    var copy = self
    if bits <= 64 {
      copy.high = bits == 0 ? 0 : high & UInt64.max << UInt64(64 - bits)
      copy.low = 0
    } else if bits < 128 {
      copy.low = low & UInt64.max << UInt64(128 - bits)
    }
    return copy
  }
}

/// A block of addresses such as `10.0.0.0/8` or `2001:db8::/32` (RFC 4632, RFC 4291 §2.3).
public struct CIDR: Sendable, Hashable, CustomStringConvertible {
  private let base: IPAddress
  private let length: Int
  public let description: String

  /// - Parameter text: An address, and the length of its prefix after `/`; without one it is that address alone. Bits
  ///   of the address beyond its prefix do not count.
  /// - Returns: nil for anything else.
  public init?(_ text: String) {
    let sides = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let base = IPAddress(String(sides[0])) else { return nil }
    let bits = base.isVersion6 ? 128 : 32
    var length = bits
    if sides.count == 2 {
      // Digits only: `Int` takes a sign, too.
      guard sides[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let given = Int(sides[1]), given <= bits else {
        return nil
      }
      length = given
    }
    self.base = base
    self.length = length
    description = text
  }

  /// Never true of an address of the other version.
  public func contains(_ address: IPAddress) -> Bool {
    address.isVersion6 == base.isVersion6 && address.network(length) == base.network(length)
  }
}
