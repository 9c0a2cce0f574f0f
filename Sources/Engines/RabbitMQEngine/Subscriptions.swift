import GravityEvents
import Synchronization

/// What callers ask of the consuming thread, and what it answers.
final class Subscriptions: Watched {
  enum Command: Sendable {
    case open(QueueShare)
    case settle(QueueShare, tags: [UInt64], Settlement)
    case close(QueueShare, answer: UInt64)
    case openFeed(FeedBuffer)
    case closeFeed(FeedBuffer)
    case count(queue: String, answer: UInt64)
  }

  enum Settlement: Sendable { case acknowledge, giveBack }

  fileprivate enum Answer: Sendable {
    case closed(CheckedContinuation<Void, Never>)
    case counted(CheckedContinuation<Int?, any Error>)
  }

  fileprivate struct State {
    var commands: [Command] = []
    var answers: [UInt64: Answer] = [:]
    var deadlines = FIFO<(answer: UInt64, deadline: UInt64)>()
    var lastAnswer: UInt64 = 0
    var failure: BrokerError? = .unavailable("not connected yet")
    var isStopping = false
    var isClosed = false
    /// So that they hear of the end.
    var shares: [ObjectIdentifier: QueueShare] = [:]
    var feeds: [ObjectIdentifier: FeedBuffer] = [:]
  }

  private let timeout: Duration
  private let state = Mutex(State())
  let bell = Bell()

  init(timeout: Duration) { self.timeout = timeout }

  // MARK: - What callers do

  func open(_ share: QueueShare) {
    let isClosed = state.withLock { state in
      guard !state.isStopping else { return true }
      state.shares[ObjectIdentifier(share)] = share
      state.commands.append(.open(share))
      return false
    }
    if isClosed { share.end(.closed) } else { bell.ring() }
  }

  func open(_ feed: FeedBuffer) {
    let isClosed = state.withLock { state in
      guard !state.isStopping else { return true }
      state.feeds[ObjectIdentifier(feed)] = feed
      state.commands.append(.openFeed(feed))
      return false
    }
    if isClosed { feed.end() } else { bell.ring() }
  }

  func close(_ feed: FeedBuffer) {
    state.withLock { state in
      guard state.feeds.removeValue(forKey: ObjectIdentifier(feed)) != nil else { return }
      state.commands.append(.closeFeed(feed))
    }
    bell.ring()
  }

  /// Best effort: what is not connected any more comes again by itself.
  func settle(_ share: QueueShare, _ tags: [UInt64], _ settlement: Settlement) {
    guard !tags.isEmpty else { return }
    state.withLock { state in
      guard !state.isClosed else { return }
      state.commands.append(.settle(share, tags: tags, settlement))
    }
    bell.ring()
  }

  /// Ends when the broker has its messages back, or is away, and so has them back too.
  func close(_ share: QueueShare, _ watchdog: Watchdog) async {
    await withCheckedContinuation { continuation in
      let deadline = Uptime.after(timeout)
      let isOver = state.withLock { state in
        guard state.shares.removeValue(forKey: ObjectIdentifier(share)) != nil else { return true }
        let answer = state.expect(.closed(continuation), deadline)
        state.commands.append(.close(share, answer: answer))
        return false
      }
      if isOver { return continuation.resume() }
      bell.ring()
      watchdog.expect(by: deadline)
    }
  }

  /// Nobody waits for it.
  func abandon(_ share: QueueShare) {
    state.withLock { state in
      guard state.shares.removeValue(forKey: ObjectIdentifier(share)) != nil else { return }
      state.commands.append(.close(share, answer: 0))
    }
    bell.ring()
  }

  func count(_ queue: String, _ watchdog: Watchdog) async throws -> Int? {
    try await withCheckedThrowingContinuation { continuation in
      let deadline = Uptime.after(timeout)
      let isClosed = state.withLock { state in
        guard !state.isStopping else { return true }
        let answer = state.expect(.counted(continuation), deadline)
        state.commands.append(.count(queue: queue, answer: answer))
        return false
      }
      if isClosed { return continuation.resume(throwing: BrokerError.closed) }
      bell.ring()
      watchdog.expect(by: deadline)
    }
  }

  // MARK: - What the watchdog does

  func check(at now: UInt64) -> UInt64 {
    let (next, overdue, failure) = state.withLock { state in
      var overdue: [Answer] = []
      while let (id, deadline) = state.deadlines.first {
        guard state.answers[id] == nil || deadline <= now else { break }
        _ = state.deadlines.popFirst()
        if let answer = state.answers.removeValue(forKey: id) { overdue.append(answer) }
      }
      return (state.deadlines.first?.deadline ?? .max, overdue, state.failure)
    }
    for answer in overdue { Self.fail(answer, failure ?? .unavailable("it did not answer in time")) }
    return next
  }

  // MARK: - What the consuming thread does

  var isStopping: Bool { state.withLock { $0.isStopping } }

  func takeCommands() -> [Command] {
    state.withLock { state in
      let commands = state.commands
      state.commands.removeAll(keepingCapacity: true)
      return commands
    }
  }

  func connected() { state.withLock { $0.failure = nil } }

  func disconnected(_ failure: BrokerError) { state.withLock { $0.failure = failure } }

  func closed(_ answer: UInt64) {
    if case .closed(let continuation)? = state.withLock({ $0.answers.removeValue(forKey: answer) }) {
      continuation.resume()
    }
  }

  func counted(_ answer: UInt64, _ result: Result<Int?, any Error>) {
    if case .counted(let continuation)? = state.withLock({ $0.answers.removeValue(forKey: answer) }) {
      continuation.resume(with: result)
    }
  }

  // MARK: - The end

  func stop() {
    state.withLock { $0.isStopping = true }
    bell.ring()
  }

  func close() {
    let (answers, shares, feeds) = state.withLock { state in
      defer {
        state.answers = [:]
        state.shares = [:]
        state.feeds = [:]
        state.commands = []
      }
      state.isStopping = true
      state.isClosed = true
      return (Array(state.answers.values), Array(state.shares.values), Array(state.feeds.values))
    }
    for answer in answers { Self.fail(answer, .closed) }
    for share in shares { share.end(.closed) }
    for feed in feeds { feed.end() }
  }

  private static func fail(_ answer: Answer, _ error: BrokerError) {
    switch answer {
    case .closed(let continuation): continuation.resume()
    case .counted(let continuation): continuation.resume(throwing: error)
    }
  }
}

extension Subscriptions.State {
  fileprivate mutating func expect(_ answer: Subscriptions.Answer, _ deadline: UInt64) -> UInt64 {
    lastAnswer += 1
    answers[lastAnswer] = answer
    deadlines.append((lastAnswer, deadline))
    return lastAnswer
  }
}
