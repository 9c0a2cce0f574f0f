import Foundation
import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Asks the system's resolver for all addresses of a name.
enum NameLookup {
  /// Bounded by the resolver's own time-out; the caller's deadline counts from before.
  static func addresses(_ host: String, _ port: Int) async throws(OutgoingFailure) -> [SocketAddress] {
    do {
      return try await NIOThreadPool.singleton.runIfActive { try lookUp(host, port) }
    } catch { throw OutgoingFailure(error) }
  }

  private static func lookUp(_ host: String, _ port: Int) throws -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    #if canImport(Glibc)
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = SOCK_STREAM
    #endif
    var first: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, "\(port)", &hints, &first)
    guard code == 0 else {
      throw OutgoingFailure("\(host) cannot be looked up: \(String(cString: gai_strerror(code)))")
    }
    defer { freeaddrinfo(first) }
    var addresses: [SocketAddress] = []
    var next = first
    while let entry = next {
      next = entry.pointee.ai_next
      guard let raw = UnsafeRawPointer(entry.pointee.ai_addr) else { continue }
      switch entry.pointee.ai_family {
      case AF_INET: addresses.append(SocketAddress(raw.loadUnaligned(as: sockaddr_in.self)))
      case AF_INET6: addresses.append(SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self)))
      default: continue
      }
    }
    return addresses
  }
}
