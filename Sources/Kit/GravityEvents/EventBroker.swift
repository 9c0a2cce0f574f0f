public import Foundation

/// What carries events from one service to others: the embedded broker or RabbitMQ.
///
/// It delivers each message at least once to each queue and promises no order; the inbox of a consumer makes the
/// effect happen once. `BrokerConformance` holds what an engine must do.
public protocol EventBroker: Sendable {
  /// Hands messages over and waits until they are safe: durable in every queue whose patterns match. A message for
  /// which there is no queue counts as taken.
  ///
  /// May be called from many tasks at once. Returns or throws within the engine's publish time-out (10 s by default)
  /// whatever the broker does.
  ///
  /// - Parameter messages: At most 1 000.
  /// - Returns: The ids of those that are safe; the others are to be published again.
  /// - Throws: ``BrokerError`` when nothing is known of any of them.
  func publish(_ messages: [EventMessage]) async throws -> Set<UUID>

  /// Sends to the feeds of the instances that listen now, and to no queue. Nothing is kept or confirmed.
  /// - Throws: ``BrokerError`` when the broker is away.
  func announce(_ message: EventMessage) async throws

  /// Makes the queue if it is missing, adds patterns that are new, and begins to fetch from it, again and again as
  /// connections come and go.
  ///
  /// Returns at once also while the broker is away. Instances that subscribe to one queue share its messages.
  ///
  /// - Parameter prefetch: How many messages may be fetched and not yet settled: 1 to 1 000. A prefetch, name or
  ///   pattern that is none is told by ``EventSubscription/next(atMost:)``.
  func subscribe(to queue: EventQueue, prefetch: Int) -> any EventSubscription

  /// What is published or announced from now on, and perhaps what is on its way, to this instance for itself: nothing
  /// is kept for it, and it needs no acknowledgement.
  ///
  /// Ends when its reader goes away. A slow reader misses the oldest (of 4 096) and is told so by another
  /// ``EventFeedItem/began``.
  ///
  /// - Parameter patterns: As in ``EventQueue/patterns``; a feed with one that is none ends at once.
  func feed(of patterns: [String]) -> AsyncStream<EventFeedItem>

  /// - Returns: How many messages wait in the queue or are being handled by this instance, and nil when there is no
  ///   such queue. An engine may count those that other instances handle, too.
  /// - Throws: ``BrokerError``.
  func depth(of queue: String) async throws -> Int?

  /// What is wrong, for health checks; nil when messages can be published.
  var trouble: String? { get }

  /// Keeps connections and leases until the task is cancelled, then settles what can be settled and returns.
  /// Nothing is delivered before it runs.
  func run() async throws
}

/// A message as it travels: its body is a ``CloudEvent`` in JSON, and a broker does not look inside.
public struct EventMessage: Sendable, Hashable {
  /// The same in every copy of the message.
  public var id: UUID
  /// The routing key: `user.registered.v1`.
  public var type: String
  /// At most 64 KiB.
  public var body: [UInt8]

  public static let greatestBody = 64 << 10

  public init(id: UUID, type: String, body: [UInt8]) {
    self.id = id
    self.type = type
    self.body = body
  }
}

/// Where a consumer's messages wait. Each service has queues of its own, so two services never compete for one.
public struct EventQueue: Sendable, Hashable {
  /// `user.auth`: consumer and family, letters, digits, `.`, `_` and `-`, at most 100 bytes.
  public var name: String
  /// Which messages it takes: exact types, or `user.#` for a family.
  public var patterns: [String]

  public init(_ name: String, patterns: [String]) {
    self.name = name
    self.patterns = patterns
  }

  /// Whether a message of that type goes where `pattern` says.
  public static func matches(_ type: String, _ pattern: String) -> Bool {
    pattern == type || pattern.hasSuffix(".#") && type.hasPrefix(pattern.dropLast(1))
  }
}

/// A message on its way to a handler.
public struct EventDelivery: Sendable, Hashable {
  public var message: EventMessage
  /// Somebody may have begun to handle it before: a process that died, or a connection that broke.
  public var isRedelivered: Bool
  /// The engine's own; meaningless to others.
  public var tag: UInt64

  public init(message: EventMessage, isRedelivered: Bool, tag: UInt64) {
    self.message = message
    self.isRedelivered = isRedelivered
    self.tag = tag
  }
}

/// One instance's share of a queue.
public protocol EventSubscription: Sendable {
  /// The next messages, at least one: waits until there are some, also through times when the broker is away.
  ///
  /// Called by one task at a time.
  ///
  /// - Throws: `CancellationError`; ``BrokerError/invalid(_:)`` for what cannot be subscribed to;
  ///   ``BrokerError/closed`` after ``close()`` or the end of the broker's `run`.
  func next(atMost count: Int) async throws -> [EventDelivery]

  /// Takes messages out of the queue for good. Best effort: those whose connection or lease is gone come again.
  func acknowledge(_ deliveries: [EventDelivery]) async

  /// Lets messages go, to be delivered again, marked as redelivered, here or elsewhere.
  func giveBack(_ deliveries: [EventDelivery]) async

  /// Stops fetching and gives back what was not settled.
  func close() async
}

public enum EventFeedItem: Sendable, Hashable {
  case message(EventMessage)
  /// The feed begins, or goes on after an interruption: something may have been missed before this.
  case began
  /// The connection is gone; nothing comes until ``began``.
  case interrupted
}

/// Why a broker did not do what it was asked.
public enum BrokerError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Not connected, or connected and not answering.
  case unavailable(String)
  /// It answered and refused: a missing permission, a queue of another kind under that name.
  case refused(String)
  /// ``EventSubscription/close()`` was called, or the broker's `run` has ended.
  case closed
  /// More than ``EventMessage/greatestBody``, or a name that is none.
  case invalid(String)

  public var description: String {
    switch self {
    case .unavailable(let reason): "the broker is away: \(reason)"
    case .refused(let reason): "the broker refused: \(reason)"
    case .closed: "closed"
    case .invalid(let reason): reason
    }
  }
}
