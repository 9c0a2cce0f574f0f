import GravityContracts
import NIOCore

extension IPAddress {
  /// - Returns: nil for what is no address of the Internet.
  init?(_ address: SocketAddress) {
    // sockaddr_in has its address at 4, sockaddr_in6 at 8, on every platform.
    let read = address.withSockAddr { pointer, size -> IPAddress? in
      let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
      switch address {
      case .v4: return IPAddress(bytes: UnsafeRawBufferPointer(rebasing: bytes[4..<8]))
      case .v6: return IPAddress(bytes: UnsafeRawBufferPointer(rebasing: bytes[8..<24]))
      case .unixDomainSocket: return nil
      }
    }
    guard let read else { return nil }
    self = read
  }

  /// One household has a whole /64 of IPv6, so that is what a limit counts.
  var limitingNetwork: IPAddress { isVersion6 ? network(64) : self }
}
