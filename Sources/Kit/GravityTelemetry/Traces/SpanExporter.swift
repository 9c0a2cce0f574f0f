public import CoreMetrics
import Foundation
public import Logging
import Synchronization

/// Sends what a ``SpanBuffer`` holds, in batches, one after another, for as long as it runs.
///
/// Nobody waits for it. A receiver that is away or overloaded is tried again with growing pauses, or when it says
/// (`Retry-After`), at most ``ExportRetries/patience`` for a batch; meanwhile the buffer keeps the latest spans and loses
/// the oldest. What is lost is counted, and told at most once a minute.
public final class SpanExporter: Sendable {
  /// How long spans that are left may take after ``stop()``.
  public static let flushTime: Duration = .seconds(3)
  /// The longest that a receiver's `Retry-After` is heeded.
  static let greatestHoldOff: Duration = .seconds(300)

  private struct State {
    var isStopping = false
    var isWoken = false
    /// What is waited for, and whether somebody may end that early.
    var pause: Task<Void, Never>?
    var wakesUp = false
    var stopsWaiting = false
    var lastTold: [String: UInt64] = [:]
  }
  private let state = Mutex(State())
  private let buffer: SpanBuffer
  private let settings: TraceSettings
  private let timeout: Duration
  private let transport: any SpanTransport
  private let logger: Logger
  private let exported: Counter
  private let dropped: @Sendable (_ reason: String) -> Counter
  private let waiting: Gauge
  private let clock: TraceClock
  private let sleep: @Sendable (Duration) async throws -> Void
  private let chance: @Sendable () -> Double
  private let stopped = AsyncStream.makeStream(of: Never.self)

  /// - Parameters:
  ///   - metrics: `traces.spans.exported`, `traces.spans.dropped` by reason, `traces.spans.waiting`.
  ///   - chance: 0 to 1, for jitter.
  public init(
    _ tracing: TracingSystem, transport: any SpanTransport, logger: Logger, metrics: any MetricsFactory,
    clock: TraceClock = .system,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
    chance: @escaping @Sendable () -> Double = { .random(in: 0...1) }
  ) {
    buffer = tracing.spans
    settings = tracing.settings
    timeout = tracing.settings.export?.timeout ?? .seconds(10)
    self.transport = transport
    self.logger = logger
    exported = Counter(label: "traces.spans.exported", factory: metrics)
    dropped = { Counter(label: "traces.spans.dropped", dimensions: [("reason", $0)], factory: metrics) }
    waiting = Gauge(label: "traces.spans.waiting", factory: metrics)
    self.clock = clock
    self.sleep = sleep
    self.chance = chance
  }

  /// Exports until ``stop()``, then what is left within ``flushTime``. Cancellation ends at once.
  public func run() async {
    buffer.onBatch { [weak self] in self?.wake() }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.export() }
      group.addTask {
        for await _ in self.stopped.stream {}
        try? await self.sleep(Self.flushTime)
      }
      await group.next()
      group.cancelAll()
    }
    lose(buffer.take(atMost: .max).count, "shutdown", "spans were left when the process ended")
  }

  /// Has ``run()`` send what is left and return.
  public func stop() {
    let pause = state.withLock { state in
      state.isStopping = true
      return state.stopsWaiting ? state.pause : nil
    }
    pause?.cancel()
    stopped.continuation.finish()
  }

  private func wake() {
    let pause = state.withLock { state in
      state.isWoken = true
      return state.wakesUp ? state.pause : nil
    }
    pause?.cancel()
  }

  private var isStopping: Bool { state.withLock { $0.isStopping } }

  private func export() async {
    while !Task.isCancelled {
      let wasStopping = isStopping
      await drain()
      tellLost()
      if wasStopping { return }
      await pause(settings.scheduleDelay, wakesUp: true, stopsWaiting: true)
    }
  }

  private func drain() async {
    while !Task.isCancelled {
      let batch = buffer.take(atMost: settings.batchSize)
      waiting.record(buffer.waiting)
      guard !batch.isEmpty else { return }
      await send(batch)
    }
  }

  private func send(_ batch: [SpanRecord]) async {
    let body = OTLPTraceJSON.encode(batch)
    var retries = ExportRetries()
    while true {
      let outcome = await attempt(body)
      tellLost()
      switch outcome {
      case .taken(let rejected, let message):
        exported.increment(by: max(0, batch.count - rejected))
        if rejected > 0 {
          lose(min(rejected, batch.count), "rejected", "the receiver did not take all spans", message)
        } else if let message {
          tell("warned", .notice, "the receiver of spans has something to say", ["reason": "\(message)"])
        }
        return
      case .refused(let reason):
        return lose(batch.count, "refused", "the receiver refused spans", reason)
      case .later(let reason, let after):
        guard !Task.isCancelled else { return lose(batch.count, "shutdown", "spans were left", reason) }
        guard let pause = retries.pause(after: after, chance: chance()) else {
          lose(batch.count, "unavailable", "spans could not be sent", reason)
          // It asked to be left alone: the next batch heeds that, too.
          if let after { await self.pause(min(after, Self.greatestHoldOff), wakesUp: false, stopsWaiting: false) }
          return
        }
        tell("retry", .warning, "spans wait for their receiver", ["reason": "\(reason)", "retry.after": "\(pause)"])
        // A stop does not wait for our own patience, but heeds what the receiver asked for.
        await self.pause(pause, wakesUp: false, stopsWaiting: after == nil)
      }
    }
  }

  private func attempt(_ body: [UInt8]) async -> ExportOutcome {
    do {
      let reply = try await transport.post(body, timeout: timeout)
      return ExportOutcome(reply, wall: Double(clock.wall()) / 1e9)
    } catch {
      // Refused, hung up, no answer in time: it may come back. What was taken in spite of it is there twice, under the
      // same ids.
      return .later("\(error)", after: nil)
    }
  }

  /// - Parameters:
  ///   - wakesUp: Whether a full batch ends the wait.
  ///   - stopsWaiting: Whether a stop does.
  private func pause(_ duration: Duration, wakesUp: Bool, stopsWaiting: Bool) async {
    let sleep = sleep
    let task = Task { _ = try? await sleep(duration) }
    let isOver = state.withLock { state in
      if wakesUp {
        defer { state.isWoken = false }
        if state.isWoken { return true }
      }
      // Only a pause that began before the stop is cut short by it: afterwards there is a time for the whole.
      if stopsWaiting, wakesUp, state.isStopping { return true }
      state.pause = task
      state.wakesUp = wakesUp
      state.stopsWaiting = stopsWaiting
      return false
    }
    if isOver { task.cancel() }
    await withTaskCancellationHandler {
      await task.value
    } onCancel: {
      task.cancel()
    }
    state.withLock { state in
      state.pause = nil
      if wakesUp { state.isWoken = false }
    }
  }

  // MARK: - Telling

  private func tellLost() {
    lose(buffer.takeLost(), "queue_full", "spans came faster than they could be sent: the oldest were dropped")
  }

  private func lose(_ count: Int, _ reason: String, _ message: Logger.Message, _ detail: String? = nil) {
    guard count > 0 else { return }
    dropped(reason).increment(by: count)
    var metadata: Logger.Metadata = ["count": .stringConvertible(count)]
    if let detail { metadata["reason"] = .string(detail) }
    tell(reason, .warning, message, metadata)
  }

  /// Each thing at most once a minute; metrics have it all.
  private func tell(_ about: String, _ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata) {
    let now = clock.monotonic()
    let isNew = state.withLock { state in
      if let last = state.lastTold[about], now &- last < 60_000_000_000 { return false }
      state.lastTold[about] = now
      return true
    }
    if isNew { logger.log(level: level, message, metadata: metadata) }
  }
}
