public import CoreMetrics
public import Foundation
public import GravityEvents
public import Logging
import Synchronization

/// Events through RabbitMQ 3.10 or later, by librabbitmq.
///
/// It publishes on one connection and consumes on another, each with a thread of its own, since a broker that is short
/// of memory stops to read from whoever publishes. Both come back by themselves; a third thread sees to it that no
/// caller waits longer than it was told, also while a peer is frozen.
///
/// Consumers' queues are durable quorum queues; messages are persistent, and safe once the broker has confirmed them.
public final class RabbitMQBroker: EventBroker {
  /// How a broker is used.
  public struct Configuration: Sendable {
    /// How often each side shows that it is alive; a connection on which nothing comes for two of them is given up.
    /// In whole seconds, at least 1; `?heartbeat=` in the URL goes before.
    public var heartbeat = Duration.seconds(10)
    /// How long a publish may take, and any other call that wants an answer.
    public var publishTimeout = Duration.seconds(10)
    /// How long it may take to connect, and then to log in, and each request that sets up a connection; without
    /// resolving the host's name.
    public var connectTimeout = Duration.seconds(3)
    /// How many messages may be sent and not yet confirmed. Callers beyond that wait within their time-out.
    public var maximumOutstanding = 1_000
    /// The exchange that events are published to.
    public var exchange = "gravity.events"
    /// The exchange of what is announced.
    public var announcementExchange = "gravity.announcements"
    /// The exchange and the queue of what no consumer's queue keeps any more.
    public var deadLetterExchange = "gravity.dead"
    /// Stands before the name of each queue, so that several platforms, or tests, can share a virtual host.
    public var queuePrefix = ""
    /// What operators see in the broker's list of connections, with `publish` or `consume` behind it.
    public var connectionName = "gravity \(ProcessInfo.processInfo.processIdentifier)"

    public init() {}
  }

  private enum Phase { case new, running, over }

  private let settings: BrokerSettings
  private let publications: Publications
  private let subscriptions: Subscriptions
  private let publishingLine = Lifeline()
  private let consumingLine = Lifeline()
  private let ending = Ending(threads: 2)
  private let watchdog: Watchdog
  private let phase = Mutex(Phase.new)

  /// Does not connect: ``run()`` does.
  ///
  /// - Parameters:
  ///   - url: `amqp://user:password@host:port/vhost`, or `amqps:` for TLS with verification of the peer's certificate
  ///     and name. Parameters: `heartbeat` (seconds), `cacertfile` (instead of the system's), `certfile`, `keyfile`.
  ///   - metrics: where metrics go; the process's own factory when nil.
  /// - Throws: ``BrokerError/invalid(_:)``; the text never holds the password.
  public init(
    url: String, configuration: Configuration = .init(), logger: Logger = Logger(label: "gravity.broker"),
    metrics: (any MetricsFactory)? = nil
  ) throws(BrokerError) {
    guard configuration.maximumOutstanding > 0, configuration.publishTimeout > .zero,
      configuration.connectTimeout > .zero
    else { throw .invalid("time-outs and bounds must be more than zero") }
    settings = BrokerSettings(
      address: try BrokerAddress(url), configuration: configuration,
      topology: Topology(
        events: configuration.exchange, announcements: configuration.announcementExchange,
        dead: configuration.deadLetterExchange, queuePrefix: configuration.queuePrefix),
      logger: logger, metrics: BrokerMetrics(metrics))
    publications = Publications(timeout: configuration.publishTimeout, window: configuration.maximumOutstanding)
    subscriptions = Subscriptions(timeout: configuration.publishTimeout)
    watchdog = Watchdog([publications, subscriptions, publishingLine, consumingLine, ending])
  }

  deinit { watchdog.end() }

  /// As in the protocol. A call is answered with what is safe when the connection breaks or the time is up; it fails at
  /// once with `refused` while the broker refuses us, and with `unavailable` when it has been away for longer than the
  /// time-out.
  public func publish(_ messages: [EventMessage]) async throws -> Set<UUID> {
    guard !messages.isEmpty else { return [] }
    guard messages.count <= 1_000 else { throw BrokerError.invalid("at most 1000 messages are published at once") }
    for message in messages { try message.validate() }
    try requireOpen()
    let start = Uptime.now
    do {
      let safe = try await publications.publish(messages, watchdog)
      settings.metrics.publishing.recordNanoseconds(Int64(Uptime.now - start))
      return safe
    } catch {
      settings.metrics.failing.recordNanoseconds(Int64(Uptime.now - start))
      throw error
    }
  }

  public func announce(_ message: EventMessage) async throws {
    try message.validate()
    try requireOpen()
    try await publications.announce(message, watchdog)
  }

  /// As in the protocol. A queue that the broker refuses (it exists in another form, a permission is missing) is tried
  /// again and again, and told in the log. A subscription that cannot be, for its name, a pattern or its prefetch, ends
  /// with `invalid`. One that is let go without ``EventSubscription/close()`` closes itself.
  public func subscribe(to queue: EventQueue, prefetch: Int) -> any EventSubscription {
    let share = QueueShare(queue, prefetch: prefetch)
    do {
      try queue.validate()
      guard (1...1_000).contains(prefetch) else { throw BrokerError.invalid("prefetch is 1 to 1000") }
      subscriptions.open(share)
    } catch {
      share.end(error as? BrokerError ?? .invalid("\(error)"))
    }
    return RabbitMQSubscription(share, subscriptions, watchdog)
  }

  /// As in the protocol. Ends at once when a pattern is none.
  public func feed(of patterns: [String]) -> AsyncStream<EventFeedItem> {
    let feed = FeedBuffer(patterns)
    let subscriptions = subscriptions
    let reader = FeedReader(feed) { subscriptions.close(feed) }
    if patterns.allSatisfy(EventQueue.isPattern) {
      subscriptions.open(feed)
    } else {
      settings.logger.error("a feed's pattern is none", metadata: ["patterns": "\(patterns)"])
      feed.end()
    }
    return AsyncStream {
      await reader.next()
    } onCancel: {
      feed.end()
      subscriptions.close(feed)
    }
  }

  /// As in the protocol, but of the messages that are being handled only those of this broker's own subscriptions are
  /// known: AMQP does not tell of the others.
  public func depth(of queue: String) async throws -> Int? {
    guard EventQueue.isName(queue) else { throw BrokerError.invalid("\(queue) is no name for a queue") }
    try requireOpen()
    return try await subscriptions.count(queue, watchdog)
  }

  public var trouble: String? {
    switch phase.withLock({ $0 }) {
    case .new: "not running"
    case .over: "closed"
    case .running: publications.trouble?.description
    }
  }

  /// As in the protocol. May run once. After the cancellation it waits a second for confirms, and returns within five
  /// whatever the broker does.
  public func run() async throws {
    let isFirst = phase.withLock { phase in
      guard phase == .new else { return false }
      phase = .running
      return true
    }
    guard isFirst else { throw BrokerError.closed }
    watchdog.start()
    startThreads()
    await withTaskCancellationHandler {
      await ending.wait()
    } onCancel: {
      ending.begin([publishingLine, consumingLine])
      publications.stop()
      subscriptions.stop()
      watchdog.expect(by: 0)
    }
    phase.withLock { $0 = .over }
    publications.close()
    subscriptions.close()
    watchdog.end()
  }

  /// A thread that is stuck while it resolves a name outlives this object, and ends when it hears of the end.
  private func startThreads() {
    let (publications, subscriptions, settings, ending) = (publications, subscriptions, settings, ending)
    let (publishingLine, consumingLine, watchdog) = (publishingLine, consumingLine, watchdog)
    let publishing = Thread {
      PublishingLoop(publications, settings, publishingLine, watchdog).run()
      ending.ended()
      watchdog.expect(by: 0)
    }
    publishing.name = "rabbitmq publish"
    publishing.start()
    let consuming = Thread {
      ConsumingLoop(subscriptions, settings, consumingLine, watchdog).run()
      ending.ended()
      watchdog.expect(by: 0)
    }
    consuming.name = "rabbitmq consume"
    consuming.start()
  }

  private func requireOpen() throws(BrokerError) {
    if phase.withLock({ $0 == .over }) { throw .closed }
  }
}
