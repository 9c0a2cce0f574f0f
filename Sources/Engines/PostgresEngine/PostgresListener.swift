import Dispatch
import Foundation
import GravityData
import Logging
import Synchronization

/// A connection of its own that LISTENs, and comes back when it broke. It begins with the first listener.
final class PostgresListener: Sendable {
  private struct State {
    var isRunning = false
    var isClosed = false
    var closing: CheckedContinuation<Void, Never>?
  }
  private let parameters: ConnectionParameters
  private let configuration: PostgresDatabase.Configuration
  private let logger: Logger
  private let hub = NotificationHub()
  private let state = Mutex(State())
  /// Wakes the thread from its wait for the server.
  private let bell = Bell()

  init(_ parameters: ConnectionParameters, _ configuration: PostgresDatabase.Configuration, logger: Logger) {
    self.parameters = parameters
    self.configuration = configuration
    self.logger = logger
  }

  func listen(to channel: String) -> AsyncStream<String> {
    let stream = hub.listen(to: channel)
    let starts = state.withLock { state in
      defer { if !state.isClosed { state.isRunning = true } }
      return !state.isClosed && !state.isRunning
    }
    if starts {
      let thread = Thread { self.run() }
      thread.name = "postgres listen"
      thread.start()
    } else {
      bell.ring()
    }
    return stream
  }

  func shutDown() {
    state.withLock { $0.isClosed = true }
    bell.ring()
    hub.close()
  }

  func close() async {
    shutDown()
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if state.isRunning { state.closing = continuation }
        return !state.isRunning
      }
      if isOver { continuation.resume() }
    }
  }

  private var isClosed: Bool { state.withLock { $0.isClosed } }

  private func run() {
    var backoff = Backoff(first: .milliseconds(20), greatest: .seconds(2))
    var isListening = false
    while !isClosed {
      do {
        let wire = try PostgresWire(parameters, timeout: configuration.connectTimeout)
        backoff.succeeded()
        try follow(wire, &isListening)
      } catch {
        logger.warning("the feed of notifications broke", metadata: ["error": "\(error)"])
        // Once, not with each attempt to connect again.
        if isListening { hub.broke() }
        isListening = false
        bell.wait(nil, timeout: backoff.next())
      }
    }
    let closing = state.withLock { state in
      state.isRunning = false
      return state.closing
    }
    closing?.resume()
  }

  /// - Parameter isListening: Set once the server listens.
  private func follow(_ wire: PostgresWire, _ isListening: inout Bool) throws(DatabaseError) {
    var listening: Set<String> = []
    let answer = configuration.connectTimeout.nanoseconds
    while !isClosed {
      let new = hub.channels.filter { !listening.contains($0) }
      if !new.isEmpty {
        try ask(wire, new.map { "LISTEN \($0.quotedIdentifier)" }, answer)
        listening.formUnion(new)
        // Whatever came between the caller's wish and now.
        hub.interrupted(new)
        isListening = true
      }
      let isQuiet = bell.wait(wire.descriptor, timeout: .seconds(10))
      // Else a network that swallows everything would look like a quiet one.
      if isQuiet { try ask(wire, ["SELECT 1"], answer) }
      wire.consume()
      for (channel, payload) in wire.notifications() { hub.deliver(payload, on: channel) }
      if wire.isBroken { throw DatabaseError(.unavailable, "the connection broke") }
    }
  }

  private func ask(_ wire: PostgresWire, _ texts: [String], _ timeout: UInt64) throws(DatabaseError) {
    let outcome = try wire.exchange(texts.map { .query(text: $0, values: []) }, timeout: timeout)
    if let error = outcome.error { throw error }
  }
}

/// A pipe that a thread polls beside its connection.
private final class Bell: Sendable {
  private let reading: Int32
  private let writing: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    _ = pipe(&ends)
    for end in ends {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    (reading, writing) = (ends[0], ends[1])
  }

  deinit {
    Foundation.close(reading)
    Foundation.close(writing)
  }

  func ring() {
    var byte: UInt8 = 1
    _ = write(writing, &byte, 1)
  }

  /// - Returns: whether nothing happened in that time.
  @discardableResult
  func wait(_ descriptor: Int32?, timeout: Duration) -> Bool {
    var polled = [pollfd(fd: reading, events: Int16(POLLIN), revents: 0)]
    if let descriptor { polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)) }
    let ready = poll(&polled, nfds_t(polled.count), Int32(clamping: timeout.nanoseconds / 1_000_000 + 1))
    var bytes = [UInt8](repeating: 0, count: 64)
    while read(reading, &bytes, bytes.count) > 0 {}
    return ready == 0
  }
}

extension String {
  /// Quoted for a place where a value cannot be bound.
  var quotedIdentifier: String { "\"\(replacing("\"", with: "\"\""))\"" }
}
