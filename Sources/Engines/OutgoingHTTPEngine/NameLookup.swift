import Foundation
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Asks the system's resolver for all addresses of a name.
enum NameLookup {
  /// Not the pool that the process shares: the resolver may take half a minute for a name whose servers say nothing, and
  /// cannot be stopped.
  private static let pool = {
    let pool = NIOThreadPool(numberOfThreads: 16)
    pool.start()
    return pool
  }()

  private struct Name: Hashable {
    var host: String
    var port: Int
  }
  private static let underWay = Mutex<[Name: Task<[SocketAddress], any Error>]>([:])

  /// Bounded by the resolver's own time-out only: the caller need not wait for it. Whoever asks for a name that is looked
  /// up already waits for that, so a name that takes long has one thread.
  static func addresses(_ host: String, _ port: Int) async throws(OutgoingFailure) -> [SocketAddress] {
    let name = Name(host: host, port: port)
    let task = underWay.withLock { tasks in
      if let task = tasks[name] { return task }
      let task = Task {
        defer { underWay.withLock { $0[name] = nil } }
        return try await pool.runIfActive { try lookUp(host, port) }
      }
      tasks[name] = task
      return task
    }
    do { return try await task.value } catch { throw OutgoingFailure(error) }
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
