import NIOCore

/// An address block such as `10.0.0.0/8` or `2001:db8::/32` (RFC 4632, RFC 4291 §2.3).
public struct CIDR: Sendable, Hashable, CustomStringConvertible {
  private let base: IPAddress
  private let prefix: Int
  public let description: String

  /// - Parameter text: An address, and the length of its prefix after `/`; without one it is that address alone.
  /// - Returns: nil for anything else.
  public init?(_ text: String) {
    let sides = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let base = IPAddress(String(sides[0])) else { return nil }
    let bits = base.isVersion6 ? 128 : 32
    var prefix = bits
    if sides.count == 2 {
      guard let given = Int(sides[1]), (0...bits).contains(given) else { return nil }
      prefix = given
    }
    self.base = base
    self.prefix = base.isVersion6 ? prefix : prefix + 96
    description = text
  }

  func contains(_ address: IPAddress) -> Bool {
    address.isVersion6 == base.isVersion6 && address.masked(prefix) == base.masked(prefix)
  }
}

/// An IPv4 or IPv6 address as a number; IPv4 as IPv6 maps it (RFC 4291 §2.5.5.2).
struct IPAddress: Sendable, Hashable {
  private var high: UInt64
  private var low: UInt64

  var isVersion6: Bool { !(high == 0 && low >> 32 == 0xFFFF) }

  init?(_ text: String) {
    guard let address = try? SocketAddress(ipAddress: text, port: 0) else { return nil }
    self.init(address)
  }

  init?(_ address: SocketAddress) {
    // sockaddr_in has its address at 4, sockaddr_in6 at 8, on every platform.
    let numbers = address.withSockAddr { pointer, size -> (UInt64, UInt64)? in
      let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
      func number(_ offset: Int) -> UInt64 {
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      }
      switch address {
      case .v4: return (0, 0xFFFF_0000_0000 | number(4) >> 32)
      case .v6: return (number(8), number(16))
      case .unixDomainSocket: return nil
      }
    }
    guard let numbers else { return nil }
    (high, low) = numbers
  }

  fileprivate func masked(_ prefix: Int) -> IPAddress {
    var copy = self
    if prefix < 64 {
      copy.high = prefix == 0 ? 0 : high & ~(UInt64.max >> UInt64(prefix))
      copy.low = 0
    } else if prefix < 128 {
      copy.low = prefix == 64 ? 0 : low & ~(UInt64.max >> UInt64(prefix - 64))
    }
    return copy
  }

  /// One household has a whole /64 of IPv6, so that is what a limit counts.
  var limitingNetwork: IPAddress { isVersion6 ? masked(64) : self }
}
