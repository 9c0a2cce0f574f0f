import Foundation

/// A port on which nobody accepts and whose queue is full: whoever connects gets no answer, neither yes nor no.
final class FullListener: Sendable {
  let port: Int
  private let sockets: [Int32]

  struct CannotBeMade: Error { var call: String }

  init() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, length) == 0 && listen(listener, 0) == 0 && getsockname(listener, address, &length) == 0
      }
    }
    guard listener >= 0, isBound else { throw CannotBeMade(call: "listen") }
    port = Int(UInt16(bigEndian: address.sin_port))
    // One is let wait though none may; more than enough.
    var sockets = [listener]
    for _ in 0..<4 {
      let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
      _ = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Foundation.connect(filler, $0, length) }
      }
      sockets.append(filler)
    }
    self.sockets = sockets
  }

  func close() { for socket in sockets { _ = Foundation.close(socket) } }
}
