import Foundation
import Synchronization

/// Stands between a client and a server, and can hold what goes either way for as long as it likes: what a network does
/// that swallows everything.
public final class TCPProxy: Sendable {
  private struct State {
    var holdsToServer = false
    var holdsToClient = false
    var isClosed = false
    var sockets: Set<Int32> = []
  }
  public let port: UInt16
  private let listener: Int32
  private let server: UInt16
  private let state = Mutex(State())
  /// Whoever is held waits for it.
  private let change = NSCondition()

  public struct Failure: Error { var code = errno }

  /// - Parameter port: nil for any that is free.
  public init(to server: UInt16, port: UInt16? = nil) throws {
    self.server = server
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    var one: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = Self.address(port ?? 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard isBound else { throw Failure() }
    self.port = UInt16(bigEndian: address.sin_port)
    Thread { self.accept() }.start()
  }

  /// A port on which nobody listens, for now.
  public static func freePort() throws -> UInt16 {
    let proxy = try TCPProxy(to: 1)
    proxy.close()
    return proxy.port
  }

  /// Whether nobody listens on that port of 127.0.0.1, now.
  public static func isFree(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { Foundation.close(descriptor) }
    var address = Self.address(UInt16(port))
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  public func hold(toServer: Bool, toClient: Bool) {
    state.withLock { state in
      state.holdsToServer = toServer
      state.holdsToClient = toClient
    }
    tell()
  }

  /// Ends all connections and listens no more.
  public func close() {
    let sockets = state.withLock { state in
      state.isClosed = true
      defer { state.sockets = [] }
      return state.sockets
    }
    tell()
    shutdown(listener, Int32(SHUT_RDWR))
    for socket in sockets { shutdown(socket, Int32(SHUT_RDWR)) }
  }

  private static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  private func accept() {
    defer { Foundation.close(listener) }
    while true {
      let client = Foundation.accept(listener, nil, nil)
      guard client >= 0 else { return }
      let upstream = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = Self.address(server)
      let isConnected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(upstream, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
      let isOpen = state.withLock { state in
        if !state.isClosed { state.sockets.formUnion([client, upstream]) }
        return !state.isClosed
      }
      guard isConnected, isOpen else {
        Foundation.close(client)
        Foundation.close(upstream)
        continue
      }
      // The descriptors stay open until both directions are done, so that a number is not used again too early.
      let pair = Pair()
      Thread { self.pump(client, upstream, pair) { $0.holdsToServer } }.start()
      Thread { self.pump(upstream, client, pair) { $0.holdsToClient } }.start()
    }
  }

  private func pump(_ from: Int32, _ to: Int32, _ pair: Pair, _ isHeld: (borrowing State) -> Bool) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(from, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      wait(while: isHeld)
      var sent = 0
      while sent < count {
        let part = buffer.withUnsafeBytes { send(to, $0.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL)) }
        guard part > 0 else { break }
        sent += part
      }
      guard sent == count else { break }
    }
    // Not while it is held: the other side must not hear of an end either.
    wait(while: isHeld)
    shutdown(from, Int32(SHUT_RDWR))
    shutdown(to, Int32(SHUT_RDWR))
    if pair.isLast() {
      state.withLock { $0.sockets.subtract([from, to]) }
      Foundation.close(from)
      Foundation.close(to)
    }
  }

  private func tell() { change.withLock { change.broadcast() } }

  private func wait(while isHeld: (borrowing State) -> Bool) {
    change.withLock { while state.withLock({ isHeld($0) && !$0.isClosed }) { change.wait() } }
  }

  /// Two directions of one connection.
  private final class Pair: Sendable {
    private let left = Mutex(2)
    func isLast() -> Bool {
      left.withLock { left in
        left -= 1
        return left == 0
      }
    }
  }
}
