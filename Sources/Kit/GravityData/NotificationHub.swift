import Synchronization

/// Hands notifications to the listeners of this process.
package final class NotificationHub: Sendable {
  private struct State {
    var listeners: [String: [UInt64: AsyncStream<String>.Continuation]] = [:]
    var serial: UInt64 = 0
    var isClosed = false
  }
  private let state = Mutex(State())

  package init() {}

  /// How many payloads wait for a slow listener; when there are more, the oldest go and an empty one says so.
  private static let capacity = 1_024

  package var channels: [String] { state.withLock { $0.listeners.keys.sorted() } }

  package func listen(to channel: String) -> AsyncStream<String> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: String.self, bufferingPolicy: .bufferingNewest(Self.capacity))
    let id: UInt64? = state.withLock { state in
      if state.isClosed { return nil }
      state.serial += 1
      state.listeners[channel, default: [:]][state.serial] = continuation
      return state.serial
    }
    guard let id else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [weak self] _ in self?.remove(id, from: channel) }
    return stream
  }

  package func deliver(_ payload: String, on channel: String) {
    let listeners = state.withLock { $0.listeners[channel].map { Array($0.values) } ?? [] }
    for listener in listeners {
      if case .dropped = listener.yield(payload) { listener.yield("") }
    }
  }

  /// Tells every listener of those channels that something may have been missed.
  package func interrupted(_ channels: [String]) {
    for channel in channels { deliver("", on: channel) }
  }

  /// Tells every listener of every channel that nothing comes until ``interrupted(_:)``.
  package func broke() {
    for channel in channels { deliver(DatabaseNotification.broken, on: channel) }
  }

  package func close() {
    let listeners = state.withLock { state in
      state.isClosed = true
      defer { state.listeners = [:] }
      return state.listeners.values.flatMap(\.values)
    }
    for listener in listeners { listener.finish() }
  }

  private func remove(_ id: UInt64, from channel: String) {
    state.withLock { state in
      state.listeners[channel]?[id] = nil
      if state.listeners[channel]?.isEmpty == true { state.listeners[channel] = nil }
    }
  }

  /// What both engines can carry: PostgreSQL's bounds.
  package static func check(channel: String, payload: String) throws(DatabaseError) {
    guard (1...63).contains(channel.utf8.count), !channel.utf8.contains(0) else {
      throw DatabaseError(.value, "a channel's name has 1 to 63 bytes and no NUL")
    }
    guard payload != DatabaseNotification.broken else {
      throw DatabaseError(.value, "that payload says that a feed broke")
    }
    guard payload.utf8.count < 8_000, !payload.utf8.contains(0) else {
      throw DatabaseError(.value, "a notification has at most 7 999 bytes and no NUL")
    }
  }
}
