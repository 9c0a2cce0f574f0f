import GravityEvents

/// The exchanges and queues, and how they are made. What exists already must have been made the same way, else the
/// broker refuses.
struct Topology: Sendable {
  /// Durable, topic: what is published.
  var events = "gravity.events"
  /// Durable, topic: what only those hear who listen now.
  var announcements = "gravity.announcements"
  /// A durable fan-out exchange and its quorum queue, for what no consumer's queue keeps any more. It is the last
  /// resort: consumers have retries and dead letters of their own, in their databases.
  var dead = "gravity.dead"
  /// Stands before the name of each consumer's queue.
  var queuePrefix = ""

  /// How often a message may come back before the broker puts it aside.
  static let deliveryLimit: Int64 = 100
  /// In a feed's queue: as much as its reader may be behind, and no older than a minute.
  static let feedLength: Int64 = 4_096
  private static let feedAge: Int64 = 60_000

  func declareExchanges(_ connection: AMQPConnection, _ channel: UInt16) throws(AMQPFailure) {
    try connection.declareExchange(events, kind: "topic", channel)
    try connection.declareExchange(announcements, kind: "topic", channel)
  }

  func declareDeadLetters(_ connection: AMQPConnection, _ channel: UInt16) throws(AMQPFailure) {
    try connection.declareExchange(dead, kind: "fanout", channel)
    try connection.declareQueue(dead, .durable, [("x-queue-type", "quorum")], channel)
    try connection.bind(dead, to: dead, "", channel)
  }

  func name(of queue: String) -> String { queuePrefix + queue }

  /// - Returns: the queue's name.
  func declare(_ queue: EventQueue, _ connection: AMQPConnection, _ channel: UInt16) throws(AMQPFailure) -> String {
    let name = name(of: queue.name)
    let arguments: [(String, AMQPValue)] = [
      ("x-queue-type", "quorum"), ("x-delivery-limit", .integer(Self.deliveryLimit)),
      // At least once, so that a dead letter is safe before the queue forgets it; it wants this way to overflow.
      ("x-dead-letter-exchange", .text(dead)), ("x-dead-letter-strategy", "at-least-once"),
      ("x-overflow", "reject-publish"),
    ]
    try connection.declareQueue(name, .durable, arguments, channel)
    for pattern in queue.patterns { try connection.bind(name, to: events, pattern, channel) }
    return name
  }

  /// A queue for one feed, which goes with its connection, and a second one where the first puts what it drops: when
  /// something comes from there, the reader has missed something.
  func declareFeed(
    _ patterns: [String], _ connection: AMQPConnection, _ channel: UInt16
  ) throws(AMQPFailure) -> (queue: String, gaps: String) {
    let gaps = try connection.declareQueue(
      "", .ofConnection, [("x-max-length", 1), ("x-overflow", "drop-head")], channel)
    let queue = try connection.declareQueue(
      "", .ofConnection,
      [
        ("x-max-length", .integer(Self.feedLength)), ("x-overflow", "drop-head"),
        ("x-message-ttl", .integer(Self.feedAge)),
        ("x-dead-letter-exchange", ""), ("x-dead-letter-routing-key", .text(gaps)),
      ], channel)
    for pattern in patterns {
      try connection.bind(queue, to: events, pattern, channel)
      try connection.bind(queue, to: announcements, pattern, channel)
    }
    return (queue, gaps)
  }
}
