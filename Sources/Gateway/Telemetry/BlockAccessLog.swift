public import CoreMetrics
import Dispatch
public import Foundation
public import GravityTelemetry
import Logging
public import NIOCore
public import ServiceLifecycle
import Synchronization

/// Requests as lines, written in blocks by a queue of its own.
///
/// An event loop only appends to memory, and to a block that is its own: beside it, only who empties the blocks takes
/// its lock. So lines of one loop are in order, and lines of several are within ``flushInterval`` of it. When the file
/// or pipe does not keep up, lines are dropped and counted rather than requests held up.
public final class BlockAccessLog: AccessLog, Service {
  private static let blockBytes = 65_536
  private static let maximumWaitingBytes = 16 << 20

  /// What one event loop has recorded, and nobody has taken yet.
  private struct Block: ~Copyable {
    var lines = ByteBuffer()
    /// The second that `stamp` stands for, and `2026-01-31T09:30:00`.
    var second = -1
    var stamp = ""
  }
  private final class Stripe: Sendable {
    let block = Mutex(Block())
  }
  private let stripes: [Stripe]
  /// Handed over and not written yet, of all loops.
  private let waitingBytes = Atomic(0)
  private let dropped = Atomic(0)
  private let droppedCounter: Counter?
  private let format: LogOutput.Format
  private let threshold: LogThreshold?
  private let output: @Sendable (UnsafeRawBufferPointer) -> Void
  private let queue = DispatchQueue(label: "gravity.access-log")
  private let clock: @Sendable () -> Double

  /// - Parameters:
  ///   - format: JSON has the field names of the Elastic Common Schema; text is for a person at a terminal.
  ///   - threshold: Nothing is recorded while it is above info; nil records always.
  ///   - loops: How many event loops record; more share blocks.
  ///   - metricsFactory: Has `gateway.access_log.dropped`, the lines that were dropped.
  ///   - clock: Seconds since 1970.
  ///   - write: Writes whole lines. Called on a queue of its own, so it may wait.
  public init(
    format: LogOutput.Format = .json, threshold: LogThreshold? = nil, loops: Int = System.coreCount,
    metricsFactory: (any MetricsFactory)? = nil,
    clock: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 },
    write: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
  ) {
    self.format = format
    self.threshold = threshold
    self.output = write
    self.clock = clock
    droppedCounter = metricsFactory.map { Counter(label: "gateway.access_log.dropped", dimensions: [], factory: $0) }
    stripes = (0..<max(1, loops)).map { _ in Stripe() }
  }

  /// Lines that were dropped because writing did not keep up: more than 16 MiB waited.
  public var droppedLines: Int { dropped.load(ordering: .relaxed) }

  /// How long a line waits at most for others of its block. A person wants to see what they have just done.
  public var flushInterval: Duration { format == .json ? .seconds(1) : .milliseconds(100) }

  /// Returns at once. A line is dropped and counted where more than 16 MiB wait to be written.
  public func record(_ entry: AccessEntry) {
    if let threshold, threshold.level > .info { return }
    guard waitingBytes.load(ordering: .relaxed) < Self.maximumWaitingBytes else {
      droppedCounter?.increment()
      dropped.add(1, ordering: .relaxed)
      return
    }
    let now = clock()
    let stripe = stripes[Int(entry.loop.magnitude % UInt(stripes.count))]
    OctetWriter.with(room: 1_024) {
      format == .json ? AccessLine.writeJSON(entry, &$0) : AccessLine.writeText(entry, &$0)
    } use: { line in
      stripe.block.withLock { block in
        writeTime(now, &block)
        block.lines.writeBytes(line)
        if block.lines.readableBytes >= Self.blockBytes { hand(&block) }
      }
    }
  }

  /// Takes what there is of each loop in turn; returns before it is written.
  public func flush() {
    for stripe in stripes { stripe.block.withLock { hand(&$0) } }
  }

  /// Flushes again and again, and once more at the end, when it waits until all is written.
  public func run() async throws {
    try? await cancelWhenGracefulShutdown {
      while true {
        try await Task.sleep(for: self.flushInterval)
        self.flush()
      }
    }
    flush()
    await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
  }

  private func hand(_ block: inout Block) {
    let lines = block.lines
    guard lines.readableBytes > 0 else { return }
    block.lines = ByteBufferAllocator().buffer(capacity: Self.blockBytes + 4_096)
    waitingBytes.add(lines.readableBytes, ordering: .relaxed)
    queue.async { [self] in
      lines.withUnsafeReadableBytes { output($0) }
      waitingBytes.subtract(lines.readableBytes, ordering: .relaxed)
    }
  }

  /// The beginning of a line, up to the milliseconds of its time.
  private func writeTime(_ now: Double, _ block: inout Block) {
    let second = Int(now)
    if second != block.second {
      block.second = second
      block.stamp = String(Date(timeIntervalSince1970: Double(second)).formatted(.iso8601).dropLast())
      // The day is nothing to who looks on.
      if format == .text { block.stamp = String(block.stamp.suffix(8)) }
    }
    OctetWriter.append(to: &block.lines, room: 64) { line in
      if format == .json { line.write("{\"@timestamp\":\"") }
      line.writeText(block.stamp)
      line.write(".")
      line.writeDecimal(Int((now - Double(second)) * 1_000), digits: 3)
    }
  }
}
