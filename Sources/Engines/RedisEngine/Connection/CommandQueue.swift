import NIOCore

/// The commands of one connection in their order: what is to be written, and who waits for which reply. Does no I/O.
///
/// Replies come in the order of commands, so a command that nobody waits for any more keeps its place until its reply
/// has come.
struct CommandQueue<Receiver> {
  struct Limits: Sendable {
    /// Commands without a reply.
    var commands: Int
    /// Bytes that the socket has not taken.
    var bytes: Int
  }

  private struct Entry {
    /// nil: its time is up, and the reply is dropped.
    var receiver: Receiver?
    var since: NIODeadline
    var deadline: NIODeadline
  }

  private let limits: Limits
  private var entries = CircularBuffer<Entry>()
  /// How many commands are written, at the end of `entries` those are missing that are not.
  private var unwritten = 0
  private var outgoing = ByteBuffer()
  /// Bytes that were given to the channel and that the socket has not taken.
  private var inChannel = 0
  private var lastHeard = NIODeadline.uptimeNanoseconds(0)
  private var isFlushing = false
  private var isTicking = false
  /// Why the connection has ended; nothing is taken any more.
  private(set) var end: RedisError?

  init(limits: Limits) { self.limits = limits }

  var isEmpty: Bool { entries.isEmpty }
  var count: Int { entries.count }

  // MARK: Commands

  /// - Returns: whether somebody has to write what waits: nobody does yet.
  mutating func enqueue(
    _ commands: [[RESPArgument]], at now: NIODeadline, deadline: NIODeadline, _ receiver: @Sendable (Int) -> Receiver?
  ) throws(RedisError) -> Bool {
    if let end { throw RedisError(end.code, end.message) }
    guard entries.count + commands.count <= limits.commands else {
      throw RedisError(.busy, "over \(limits.commands) commands wait for Redis' replies")
    }
    guard outgoing.readableBytes + inChannel <= limits.bytes else {
      throw RedisError(.busy, "over \(limits.bytes) bytes wait to be sent to Redis")
    }
    for (index, command) in commands.enumerated() {
      outgoing.writeCommand(command)
      entries.append(Entry(receiver: receiver(index), since: now, deadline: deadline))
    }
    unwritten += commands.count
    defer { isFlushing = true }
    return !isFlushing
  }

  /// Writes a command that has no reply of its own: what comes of it is pushed.
  mutating func enqueueUnanswered(_ command: [RESPArgument]) throws(RedisError) -> Bool {
    if let end { throw RedisError(end.code, end.message) }
    outgoing.writeCommand(command)
    defer { isFlushing = true }
    return !isFlushing
  }

  /// What is to be written now; nil when nothing is, or the channel is full and will say when it is not.
  mutating func takeBatch(isWritable: Bool) -> ByteBuffer? {
    guard isWritable, outgoing.readableBytes > 0 else {
      isFlushing = outgoing.readableBytes > 0
      return nil
    }
    let batch = outgoing
    // The channel holds the storage until it is written, so this one is new.
    outgoing = ByteBuffer()
    inChannel += batch.readableBytes
    (unwritten, isFlushing) = (0, false)
    return batch
  }

  mutating func written(_ bytes: Int) { inChannel -= bytes }

  // MARK: Replies

  mutating func heard(at now: NIODeadline) { lastHeard = now }

  enum Next {
    case receiver(Receiver)
    /// Nobody waits for it any more.
    case dropped
    /// The server sent a reply to nothing.
    case unasked
  }

  mutating func reply() -> Next {
    guard entries.count > unwritten, let entry = entries.popFirst() else { return .unasked }
    return entry.receiver.map { .receiver($0) } ?? .dropped
  }

  // MARK: Time

  /// - Returns: whether the caller has to see to it that ``expire(at:)`` is called: nobody does yet.
  mutating func startsTicking() -> Bool {
    guard !isTicking, !entries.isEmpty, end == nil else { return false }
    isTicking = true
    return true
  }

  struct Expired {
    var receivers: [(receiver: Receiver, isWritten: Bool)] = []
    /// Nothing at all has come since a command was given up: the peer is frozen or gone.
    var isDead = false
    /// ``expire(at:)`` is to be called again.
    var goesOn = false
  }

  mutating func expire(at now: NIODeadline) -> Expired {
    var expired = Expired()
    let written = entries.count - unwritten
    for (place, index) in entries.indices.enumerated() where entries[index].deadline <= now {
      if lastHeard <= entries[index].since { expired.isDead = true }
      guard let receiver = entries[index].receiver else { continue }
      entries[index].receiver = nil
      expired.receivers.append((receiver, place < written))
    }
    isTicking = !entries.isEmpty
    expired.goesOn = isTicking
    return expired
  }

  // MARK: The end

  /// - Returns: those that wait, and whether their commands may have been executed; nil when it has ended before.
  mutating func finish(_ reason: RedisError) -> [(receiver: Receiver, isWritten: Bool)]? {
    guard end == nil else { return nil }
    end = reason
    let written = entries.count - unwritten
    let waiting = entries.enumerated().compactMap { place, entry in
      entry.receiver.map { ($0, place < written) }
    }
    entries = []
    outgoing = ByteBuffer()
    unwritten = 0
    return waiting
  }
}
