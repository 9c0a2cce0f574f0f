import Dispatch
public import Foundation
import NIOCore
public import ServiceLifecycle
import Synchronization

/// Requests as JSON lines with the field names of the Elastic Common Schema, written in blocks by a queue of its own.
///
/// An event loop only appends to memory. When the file or pipe does not keep up, lines are dropped and counted rather
/// than requests held up.
public final class JSONAccessLog: AccessLog, Service {
  private static let blockBytes = 65_536
  private static let maximumWaitingBytes = 16 << 20

  private struct State: ~Copyable {
    var buffer = ByteBuffer()
    var waitingBytes = 0
    var dropped = 0
    /// The second that `stamp` stands for, and `2026-01-31T09:30:00`.
    var second = -1
    var stamp = ""
  }
  private let state: Mutex<State>
  private let output: @Sendable (UnsafeRawBufferPointer) -> Void
  private let queue = DispatchQueue(label: "gravity.access-log")
  private let clock: @Sendable () -> Double

  /// - Parameters:
  ///   - clock: Seconds since 1970.
  ///   - write: Writes whole lines. Called on a queue of its own, so it may wait.
  public init(
    clock: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 },
    write: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
  ) {
    self.output = write
    self.clock = clock
    state = Mutex(State())
  }

  /// Lines that were dropped because writing did not keep up.
  public var droppedLines: Int { state.withLock { $0.dropped } }

  public func record(_ entry: AccessEntry) {
    let now = clock()
    state.withLock { state in
      guard state.waitingBytes < Self.maximumWaitingBytes else { return state.dropped += 1 }
      Self.write(entry, now, &state)
      if state.buffer.readableBytes >= Self.blockBytes { hand(&state) }
    }
  }

  /// Writes what is there; returns before it is written.
  public func flush() {
    state.withLock { hand(&$0) }
  }

  /// Flushes every second, and once more at the end.
  public func run() async throws {
    try? await cancelWhenGracefulShutdown {
      while true {
        try await Task.sleep(for: .seconds(1))
        self.flush()
      }
    }
    flush()
    await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
  }

  private func hand(_ state: inout State) {
    let block = state.buffer
    guard block.readableBytes > 0 else { return }
    state.buffer = ByteBufferAllocator().buffer(capacity: Self.blockBytes + 4_096)
    state.waitingBytes += block.readableBytes
    queue.async { [self] in
      block.withUnsafeReadableBytes { output($0) }
      self.state.withLock { $0.waitingBytes -= block.readableBytes }
    }
  }

  private static func write(_ entry: AccessEntry, _ now: Double, _ state: inout State) {
    let second = Int(now)
    if second != state.second {
      state.second = second
      state.stamp = String(Date(timeIntervalSince1970: Double(second)).formatted(.iso8601).dropLast())
    }
    let milliseconds = Int((now - Double(second)) * 1000)
    state.buffer.writeStaticString("{\"@timestamp\":\"")
    state.buffer.writeString(state.stamp)
    state.buffer.writeStaticString(milliseconds < 10 ? ".00" : milliseconds < 100 ? ".0" : ".")
    state.buffer.writeDecimal(milliseconds)
    state.buffer.writeStaticString("Z\",\"log.level\":\"info\",\"message\":\"request\",\"ecs.version\":\"8.11\",")
    state.buffer.writeStaticString("\"service.name\":\"gateway\",\"http.request.method\":\"")
    state.buffer.writeString(entry.method)
    state.buffer.writeStaticString("\",\"url.path\":\"")
    // The path has passed RequestTarget: printable ASCII without quote or backslash.
    state.buffer.writeImmutableBuffer(entry.pathBytes)
    state.buffer.writeStaticString("\",\"http.response.status_code\":")
    state.buffer.writeDecimal(entry.status)
    state.buffer.writeStaticString(",\"event.duration\":")
    state.buffer.writeDecimal(Int(entry.duration))
    state.buffer.writeStaticString(",\"client.address\":\"")
    state.buffer.writeString(entry.clientAddress)
    state.buffer.writeStaticString("\",\"trace.id\":\"")
    state.buffer.writeHex(entry.traceID.0)
    state.buffer.writeHex(entry.traceID.1)
    state.buffer.writeStaticString("\",\"span.id\":\"")
    state.buffer.writeHex(entry.spanID)
    state.buffer.writeStaticString("\",\"http.request.id\":\"")
    state.buffer.writeBytes(entry.requestIDBytes)
    state.buffer.writeStaticString("\",\"http.response.body.bytes\":")
    state.buffer.writeDecimal(entry.responseBodyBytes)
    state.buffer.writeStaticString(",\"http.version\":\"")
    state.buffer.writeString(entry.httpVersion)
    state.buffer.writeStaticString("\"")
    if let version = entry.tlsVersion { member("tls.version", version, &state.buffer) }
    if let route = entry.route { member("gravity.route", route, &state.buffer) }
    if let upstream = entry.upstream { member("gravity.upstream", upstream, &state.buffer) }
    if let refusal = entry.refusal { member("gravity.refusal", refusal, &state.buffer) }
    state.buffer.writeStaticString("}\n")
  }

  private static func member(_ name: StaticString, _ value: String, _ buffer: inout ByteBuffer) {
    buffer.writeStaticString(",\"")
    buffer.writeStaticString(name)
    buffer.writeStaticString("\":\"")
    buffer.writeString(JSONText.escaped(value))
    buffer.writeStaticString("\"")
  }
}
