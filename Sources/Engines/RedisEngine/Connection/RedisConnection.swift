import Logging
import NIOCore
import Synchronization

/// A connection that many callers share: their commands go out together, one write for each turn of the event loop.
final class RedisConnection: Sendable {
  typealias Queue = CommandQueue<ReplyReceiver>

  struct Settings: Sendable {
    var limits: Queue.Limits
    var decoding = RESPDecoder.Limits()
    /// How long a connection may stand idle before it is asked whether it is still there.
    var pingInterval: Duration
    var commandTimeout: Duration
  }

  let channel: any Channel
  private let queue: Mutex<Queue>
  private let settings: Settings
  private let runID = Mutex<String?>(nil)
  /// Takes what the server pushes; on a connection with one an error that the server sends ends it, since it answers
  /// no command that anybody waits for.
  private let onPush: (@Sendable ([RESPValue]) -> Void)?
  /// Called once, before those who wait hear of the end.
  private let onEnd: Mutex<(@Sendable (RedisError) -> Void)?>

  init(
    _ channel: any Channel, _ settings: Settings, onPush: (@Sendable ([RESPValue]) -> Void)?,
    onEnd: @escaping @Sendable (RedisError) -> Void
  ) {
    self.channel = channel
    self.settings = settings
    self.onPush = onPush
    self.onEnd = Mutex(onEnd)
    queue = Mutex(Queue(limits: settings.limits))
  }

  /// Why it has ended; nil while it has not.
  var end: RedisError? { queue.withLock { $0.end } }
  var count: Int { queue.withLock { $0.count } }

  func identify(_ runID: String?) { self.runID.withLock { $0 = runID } }

  // MARK: Commands

  func send(_ command: [RESPArgument], deadline: NIODeadline) async throws -> RedisReply {
    try Task.checkCancellation()
    let waiter = Waiter<RedisReply>()
    return try await waiter.value {
      do throws(RedisError) {
        try enqueue([command], deadline) { _ in .one(waiter) }
      } catch {
        waiter.finish(.failure(error))
      }
    }
  }

  /// Sends commands one behind the other; none of another caller's comes in between.
  func send(_ commands: [[RESPArgument]], deadline: NIODeadline) async throws -> [Result<RedisReply, RedisError>] {
    guard !commands.isEmpty else { return [] }
    try Task.checkCancellation()
    let pipeline = Pipeline(count: commands.count)
    return try await pipeline.waiter.value {
      do throws(RedisError) {
        try enqueue(commands, deadline) { .part(pipeline, $0) }
      } catch {
        pipeline.waiter.finish(.failure(error))
      }
    }
  }

  /// Sends a command that is answered by pushes.
  func post(_ command: [RESPArgument]) throws(RedisError) {
    let wantsFlush = try queue.withLock { queue throws(RedisError) in try queue.enqueueUnanswered(command) }
    if wantsFlush { channel.eventLoop.execute { self.flush() } }
  }

  private func enqueue(
    _ commands: [[RESPArgument]], _ deadline: NIODeadline, _ receiver: @Sendable (Int) -> ReplyReceiver?
  ) throws(RedisError) {
    let wantsFlush = try queue.withLock { queue throws(RedisError) in
      try queue.enqueue(commands, at: .now(), deadline: deadline, receiver)
    }
    if wantsFlush { channel.eventLoop.execute { self.flush() } }
  }

  // MARK: On the event loop

  func flush() {
    channel.eventLoop.assertInEventLoop()
    let isWritable = channel.isWritable
    let (batch, ticks) = queue.withLock { ($0.takeBatch(isWritable: isWritable), $0.startsTicking()) }
    if ticks { scheduleTick() }
    guard let batch else { return }
    let count = batch.readableBytes
    channel.writeAndFlush(batch).whenComplete { _ in self.queue.withLock { $0.written(count) } }
  }

  /// Gives replies to those who wait for them, and what was pushed to whom it concerns.
  func deliver(_ replies: [RESPValue]) {
    var pushes: [[RESPValue]] = []
    var answered: [(ReplyReceiver, RESPValue)] = []
    let fault: RedisError? = queue.withLock { queue in
      queue.heard(at: .now())
      for reply in replies {
        if case .push(let elements) = reply {
          pushes.append(elements)
          continue
        }
        if onPush != nil, case .error(let text) = reply { return RedisError(reply: text, command: nil) }
        switch queue.reply() {
        case .receiver(let receiver): answered.append((receiver, reply))
        case .dropped: continue
        case .unasked: return RedisError(.unavailable, "the server sent a reply to nothing")
        }
      }
      return nil
    }
    let runID = runID.withLock { $0 }
    for (receiver, reply) in answered { receiver.finish(.success(RedisReply(value: reply, runID: runID))) }
    if let onPush { for push in pushes { onPush(push) } }
    if let fault { close(fault) }
  }

  private func scheduleTick() {
    let pause = min(.milliseconds(100), max(.milliseconds(5), TimeAmount(settings.commandTimeout / 4)))
    channel.eventLoop.scheduleTask(in: pause) { self.tick() }
  }

  private func tick() {
    let expired = queue.withLock { $0.expire(at: .now()) }
    for (receiver, isWritten) in expired.receivers {
      receiver.finish(
        .failure(RedisError(.timedOut, "Redis did not answer in time", mayHaveTakenEffect: isWritten)))
    }
    if expired.isDead {
      close(RedisError(.unavailable, "the server has stopped answering"))
    } else if expired.goesOn {
      scheduleTick()
    }
  }

  /// Asks an idle server whether it is there, again and again until the end.
  func startPinging() {
    let interval = TimeAmount(settings.pingInterval)
    let pinging = channel.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
      guard self.queue.withLock({ $0.isEmpty }) else { return }
      // A failure is the connection's end, which others hear of.
      try? self.enqueue([["PING"]], .now() + TimeAmount(self.settings.commandTimeout)) { _ in nil }
    }
    channel.closeFuture.whenComplete { _ in pinging.cancel() }
  }

  // MARK: The end

  /// The first reason counts.
  func close(_ reason: RedisError) {
    guard let waiting = queue.withLock({ $0.finish(reason) }) else { return }
    let onEnd = onEnd.withLock { onEnd in
      defer { onEnd = nil }
      return onEnd
    }
    onEnd?(reason)
    for (receiver, isWritten) in waiting {
      receiver.finish(.failure(RedisError(reason.code, reason.message, mayHaveTakenEffect: isWritten)))
    }
    channel.close(promise: nil)
  }

  /// Waits until the connection has ended; a cancelled task ends it, once the replies that are on their way have come
  /// or the time of their commands is up.
  func ended() async -> RedisError {
    await withTaskCancellationHandler {
      _ = try? await channel.closeFuture.get()
    } onCancel: {
      channel.eventLoop.execute { self.drain(until: .now() + TimeAmount(self.settings.commandTimeout)) }
    }
    return end ?? RedisError(.unavailable, "the connection was closed")
  }

  private func drain(until deadline: NIODeadline) {
    guard count > 0, end == nil, NIODeadline.now() < deadline else { return close(RedisError(.closed, "closed")) }
    channel.eventLoop.scheduleTask(in: .milliseconds(5)) { self.drain(until: deadline) }
  }
}
