import NIOPosix
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Looks names up with the system's resolver, on threads of its own: `getaddrinfo` blocks, for half a minute where no
/// name server answers.
final class NameResolver: Sendable {
  private struct State {
    var waiting: [Int: CheckedContinuation<[String], any Error>] = [:]
    var cancelled: Set<Int> = []
    var next = 0
  }
  private let state = Mutex(State())
  private let threads: NIOThreadPool

  /// - Parameter threads: More look-ups than that at once wait for one another.
  init(threads: Int = 4) {
    self.threads = NIOThreadPool(numberOfThreads: threads)
    self.threads.start()
  }

  /// Ends the threads, each once what it does is done; nobody waits for that.
  func close() { threads.shutdownGracefully { _ in } }

  /// The addresses of a name, IPv4 and IPv6, each once.
  ///
  /// - Throws: ``LookupError``; `CancellationError` at once, though the thread is busy for as long as it takes.
  func addresses(of name: String) async throws -> [String] {
    let id = state.withLock { state in
      state.next += 1
      return state.next
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isCancelled = state.withLock { state in
          if state.cancelled.remove(id) != nil { return true }
          state.waiting[id] = continuation
          return false
        }
        guard !isCancelled else { return continuation.resume(throwing: CancellationError()) }
        threads.submit { [self] work in
          guard case .active = work else {
            return finish(id, .failure(LookupError(name: name, isMissing: false, reason: "the resolver is closed")))
          }
          finish(id, Result { try Self.resolve(name) })
        }
      }
    } onCancel: {
      finish(id, .failure(CancellationError()), isCancelled: true)
    }
  }

  private func finish(_ id: Int, _ result: Result<[String], any Error>, isCancelled: Bool = false) {
    let continuation = state.withLock { state in
      let continuation = state.waiting.removeValue(forKey: id)
      // Cancelled before it waits: it will find this.
      if continuation == nil, isCancelled { state.cancelled.insert(id) }
      return continuation
    }
    continuation?.resume(with: result)
  }

  private static func resolve(_ name: String) throws(LookupError) -> [String] {
    var hints = addrinfo()
    #if canImport(Glibc)
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = SOCK_STREAM
    #endif
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(name, nil, &hints, &list)
    guard code == 0 else {
      throw LookupError(name: name, isMissing: code == EAI_NONAME, reason: String(cString: gai_strerror(code)))
    }
    defer { freeaddrinfo(list) }
    var addresses: [String] = []
    var entry = list
    while let current = entry {
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      if getnameinfo(
        current.pointee.ai_addr, current.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
      {
        let address = text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        if !addresses.contains(address) { addresses.append(address) }
      }
      entry = current.pointee.ai_next
    }
    return addresses
  }
}

/// Why a name has no addresses.
public struct LookupError: Error, Sendable, Equatable, CustomStringConvertible {
  public var name: String
  /// Whether it is known that there are none; else the name servers did not answer.
  public var isMissing: Bool
  public var reason: String

  public init(name: String, isMissing: Bool, reason: String) {
    self.name = name
    self.isMissing = isMissing
    self.reason = reason
  }
  public var description: String { "\(name): \(reason)" }
}
