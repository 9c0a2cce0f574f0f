public import Foundation
public import GravityData
public import Logging
import Synchronization

/// The embedded broker: queues as rows of a database of its own.
///
/// On SQLite it serves one process, with nothing to install; on PostgreSQL any number of processes that share the
/// database. What was published is on disk in every queue before `publish` returns. Feeds are the database's
/// notifications: one that is larger than they can carry is an interruption to its readers.
public final class DatabaseBroker: EventBroker {
  /// What `Migrator` brings the broker's database to.
  public static let migrations: [Migration] = QueueStore.migrations

  let database: any Database
  let logger: Logger
  /// Seconds.
  let lease: TimeInterval
  private enum Phase { case new, running, over }
  private struct State {
    var phase = Phase.new
    var subscriptions: [ObjectIdentifier: QueueSubscription] = [:]
    var feeds: [ObjectIdentifier: FeedBuffer] = [:]
    /// Whether the database's notifications come in.
    var isListening = false
    var trouble: String?
  }
  private let state = Mutex(State())

  /// - Parameter lease: For how long a fetched message is kept from others; renewed while it is being handled.
  public init(database: any Database, lease: Duration = .seconds(30), logger: Logger) {
    self.database = database
    self.lease = lease / .seconds(1)
    self.logger = logger
  }

  public var trouble: String? {
    state.withLock { state in
      switch state.phase {
      case .new: "it does not run yet"
      case .running: state.trouble
      case .over: "it has ended"
      }
    }
  }

  public func publish(_ messages: [EventMessage]) async throws -> Set<UUID> {
    guard messages.count <= 1_000 else {
      throw BrokerError.invalid("at most 1 000 messages are published at a time")
    }
    for message in messages { try message.validate() }
    try await asked { try await $0.write { try QueueStore($0).insert(messages) } }
    return Set(messages.map(\.id))
  }

  public func announce(_ message: EventMessage) async throws {
    try message.validate()
    try await asked { try await $0.write { try FeedNotification.send(message, in: $0) } }
  }

  public func depth(of queue: String) async throws -> Int? {
    guard EventQueue.isName(queue) else { throw BrokerError.invalid("\(queue) is no name for a queue") }
    return try await asked { try await $0.read { try QueueStore($0).depth(of: queue) } }
  }

  /// Asks the database, in the port's terms.
  private func asked<T: Sendable>(_ body: (any Database) async throws -> T) async throws -> T {
    if state.withLock({ $0.phase == .over }) { throw BrokerError.closed }
    do {
      let value = try await body(database)
      state.withLock { $0.trouble = nil }
      return value
    } catch let error as DatabaseError {
      state.withLock { $0.trouble = error.description }
      throw error.code == .closed ? BrokerError.closed : BrokerError.unavailable(error.description)
    }
  }

  // MARK: Queues

  public func subscribe(to queue: EventQueue, prefetch: Int) -> any EventSubscription {
    let subscription = QueueSubscription(broker: self, queue: queue, prefetch: prefetch)
    let phase = state.withLock { state in
      if state.phase != .over { state.subscriptions[ObjectIdentifier(subscription)] = subscription }
      return state.phase
    }
    switch phase {
    case .new: break
    case .running: subscription.start()
    case .over: subscription.end()
    }
    return subscription
  }

  func remove(_ subscription: QueueSubscription) {
    _ = state.withLock { $0.subscriptions.removeValue(forKey: ObjectIdentifier(subscription)) }
  }

  // MARK: Feeds

  public func feed(of patterns: [String]) -> AsyncStream<EventFeedItem> {
    let feed = FeedBuffer(patterns)
    let reader = FeedReader(feed) { [weak self] in self?.remove(feed) }
    if patterns.allSatisfy(EventQueue.isPattern) {
      let (isOver, isListening) = state.withLock { state in
        if state.phase != .over { state.feeds[ObjectIdentifier(feed)] = feed }
        return (state.phase == .over, state.isListening)
      }
      if isOver { feed.end() } else if isListening { feed.append(.began) }
    } else {
      logger.error("a feed's pattern is none", metadata: ["patterns": "\(patterns)"])
      feed.end()
    }
    return AsyncStream {
      await reader.next()
    } onCancel: {
      reader.end()
    }
  }

  private func remove(_ feed: FeedBuffer) {
    _ = state.withLock { $0.feeds.removeValue(forKey: ObjectIdentifier(feed)) }
  }

  private func listen() async {
    let notifications = database.notifications(on: FeedNotification.channel)
    // In one process they come from now on; a server says when it listens.
    if database.dialect == .sqlite { began() }
    for await payload in notifications {
      if payload == DatabaseNotification.broken {
        interrupted()
        continue
      }
      guard let notification = FeedNotification(payload) else {
        began()
        continue
      }
      for feed in state.withLock({ Array($0.feeds.values) }) {
        if let item = notification.item(for: feed.patterns) { feed.append(item) }
      }
    }
  }

  private func began() {
    let feeds = state.withLock { state in
      state.isListening = true
      return Array(state.feeds.values)
    }
    for feed in feeds { feed.append(.began) }
  }

  private func interrupted() {
    let feeds = state.withLock { state in
      state.isListening = false
      return Array(state.feeds.values)
    }
    for feed in feeds { feed.append(.interrupted) }
  }

  // MARK: Running

  public func run() async throws {
    let waiting = state.withLock { state in
      guard state.phase == .new else { return [QueueSubscription]() }
      state.phase = .running
      return Array(state.subscriptions.values)
    }
    for subscription in waiting { subscription.start() }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.listen() }
      group.addTask { await self.renewLeases() }
    }
    let (subscriptions, feeds) = state.withLock { state in
      state.phase = .over
      defer { (state.subscriptions, state.feeds) = ([:], [:]) }
      return (Array(state.subscriptions.values), Array(state.feeds.values))
    }
    for feed in feeds { feed.end() }
    for subscription in subscriptions { await subscription.close() }
  }

  private func renewLeases() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(lease / 3))
      for subscription in state.withLock({ Array($0.subscriptions.values) }) { await subscription.renew() }
    }
  }
}
