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
    // Put together before the lock is taken, which all event loops share.
    OctetWriter.with(room: 1_024) {
      Self.write(entry, &$0)
    } use: { line in
      state.withLock { state in
        guard state.waitingBytes < Self.maximumWaitingBytes else { return state.dropped += 1 }
        Self.writeTime(now, &state)
        state.buffer.writeBytes(line)
        if state.buffer.readableBytes >= Self.blockBytes { hand(&state) }
      }
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

  /// The beginning of a line, up to the milliseconds of its time.
  private static func writeTime(_ now: Double, _ state: inout State) {
    let second = Int(now)
    if second != state.second {
      state.second = second
      state.stamp = String(Date(timeIntervalSince1970: Double(second)).formatted(.iso8601).dropLast())
    }
    OctetWriter.append(to: &state.buffer, room: 64) { line in
      line.write("{\"@timestamp\":\"")
      line.writeText(state.stamp)
      line.write(".")
      line.writeDecimal(Int((now - Double(second)) * 1_000), digits: 3)
    }
  }

  /// What follows the milliseconds.
  private static func write(_ entry: AccessEntry, _ line: inout OctetWriter) {
    line.write("Z\",\"log.level\":\"info\",\"message\":\"request\",\"ecs.version\":\"8.11\",")
    line.write("\"service.name\":\"gateway\",\"http.request.method\":\"")
    line.writeText(entry.method)
    line.write("\",\"url.path\":\"")
    // The path has passed RequestTarget: printable ASCII without quote or backslash.
    line.write(entry.pathBytes)
    line.write("\",\"http.response.status_code\":")
    line.writeDecimal(entry.status)
    line.write(",\"event.duration\":")
    line.writeDecimal(Int(entry.duration))
    line.write(",\"client.address\":\"")
    line.writeText(entry.clientAddress)
    line.write("\",\"trace.id\":\"")
    line.writeHex(entry.traceID.0)
    line.writeHex(entry.traceID.1)
    line.write("\",\"span.id\":\"")
    line.writeHex(entry.spanID)
    line.write("\",\"http.request.id\":\"")
    line.write(entry.requestIDBytes)
    line.write("\",\"http.response.body.bytes\":")
    line.writeDecimal(entry.responseBodyBytes)
    line.write(",\"http.version\":\"")
    line.writeText(entry.httpVersion)
    line.write("\"")
    if let version = entry.tlsVersion { member("tls.version", version, &line) }
    if let route = entry.route { member("gravity.route", route, &line) }
    if let upstream = entry.upstream { member("gravity.upstream", upstream, &line) }
    if let refusal = entry.refusal { member("gravity.refusal", refusal, &line) }
    line.write("}\n")
  }

  private static func member(_ name: StaticString, _ value: String, _ line: inout OctetWriter) {
    line.write(",\"")
    line.write(name)
    line.write("\":\"")
    line.writeText(JSONText.escaped(value))
    line.write("\"")
  }
}
