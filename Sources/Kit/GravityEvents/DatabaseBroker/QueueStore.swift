import Foundation
import GravityData

/// The queues of ``DatabaseBroker``.
struct QueueStore {
  static let migrations = [
    Migration(
      1, "queues",
      [
        .table(
          "queue_patterns",
          "queue \(type: .text) NOT NULL, pattern \(type: .text) NOT NULL, PRIMARY KEY (queue, pattern)"),
        .table(
          "queue_messages",
          """
          queue \(type: .text) NOT NULL, id \(type: .uuid) NOT NULL, type \(type: .text) NOT NULL,
          body \(type: .bytea) NOT NULL, deliveries \(type: .bigint) NOT NULL, leased_until \(type: .timestamptz),
          PRIMARY KEY (queue, id)
          """),
      ])
  ]

  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  static func channel(_ queue: String) -> String {
    // A channel's name has at most 63 bytes; two queues that share one wake each other for nothing.
    "queue." + String(decoding: queue.utf8.prefix(50), as: UTF8.self)
  }

  /// Adds patterns; those that were there stay, since an older instance may still want them.
  func declare(_ queue: EventQueue) throws {
    for pattern in queue.patterns {
      try transaction.execute(
        """
        INSERT INTO queue_patterns (queue, pattern) VALUES (\(queue.name), \(pattern))
        ON CONFLICT (queue, pattern) DO NOTHING
        """)
    }
  }

  /// Puts each message into every queue that wants it; one that is there already stays as it is.
  func insert(_ messages: [EventMessage]) throws {
    var patterns: [String: [String]] = [:]
    for row in try transaction.rows("SELECT queue, pattern FROM queue_patterns") {
      patterns[try row.get("queue"), default: []].append(try row.get("pattern"))
    }
    var routed: [(queue: String, message: EventMessage)] = []
    var woken: Set<String> = []
    for message in messages {
      for (queue, patterns) in patterns
      where patterns.contains(where: { EventQueue.matches(message.type, $0) }) {
        routed.append((queue, message))
        woken.insert(queue)
      }
      try FeedNotification.send(message, in: transaction)
    }
    for part in routed.inParts(of: 128) {
      var values: SQL = ""
      for (index, (queue, message)) in part.enumerated() {
        values =
          values + (index == 0 ? "" : ", ") + "(\(queue), \(message.id), \(message.type), \(message.body), 0)"
      }
      try transaction.execute(
        """
        INSERT INTO queue_messages (queue, id, type, body, deliveries) VALUES \(values)
        ON CONFLICT (queue, id) DO NOTHING
        """)
    }
    for queue in woken { try transaction.notify(Self.channel(queue), "") }
  }

  /// The oldest that nobody has.
  func claim(from queue: String, limit: Int, lease: TimeInterval) throws -> [(message: EventMessage, deliveries: Int)] {
    let now = try transaction.now
    return try transaction.rows(
      """
      WITH due AS MATERIALIZED (
        SELECT id FROM queue_messages WHERE queue = \(queue) AND (leased_until IS NULL OR leased_until <= \(now))
        ORDER BY id LIMIT \(limit)\(SQL.only(.postgresql, " FOR UPDATE SKIP LOCKED")))
      UPDATE queue_messages SET leased_until = \(now + lease), deliveries = deliveries + 1
      WHERE queue = \(queue) AND id IN (SELECT id FROM due)
      RETURNING id, type, body, deliveries
      """
    ).map { row in
      (
        EventMessage(id: try row.get("id"), type: try row.get("type"), body: try row.get("body")),
        try row.get("deliveries")
      )
    }
  }

  func renew(_ ids: [UUID], in queue: String, lease: TimeInterval) throws {
    let until = try transaction.now + lease
    for part in ids.inParts(of: 128) {
      try transaction.execute(
        """
        UPDATE queue_messages SET leased_until = \(until)
        WHERE queue = \(queue) AND leased_until IS NOT NULL AND id IN \(list: part)
        """)
    }
  }

  func delete(_ ids: [UUID], from queue: String) throws {
    for part in ids.inParts(of: 128) {
      try transaction.execute("DELETE FROM queue_messages WHERE queue = \(queue) AND id IN \(list: part)")
    }
  }

  func release(_ ids: [UUID], to queue: String) throws {
    for part in ids.inParts(of: 128) {
      try transaction.execute(
        "UPDATE queue_messages SET leased_until = NULL WHERE queue = \(queue) AND id IN \(list: part)")
    }
    try transaction.notify(Self.channel(queue), "")
  }

  /// nil when no one has declared it.
  func depth(of queue: String) throws -> Int? {
    guard try !transaction.rows("SELECT 1 FROM queue_patterns WHERE queue = \(queue) LIMIT 1").isEmpty else {
      return nil
    }
    return try transaction.scalar("SELECT count(*) FROM queue_messages WHERE queue = \(queue)")
  }
}
