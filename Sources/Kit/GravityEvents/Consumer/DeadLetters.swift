public import Foundation
import GravityContracts
public import GravityData

/// Events that a service's consumers could not handle, for people to look at and to decide about.
public struct DeadLetters: Sendable {
  private let database: any Database
  public init(_ database: any Database) { self.database = database }

  /// Oldest first, after the cursor.
  /// - Parameters:
  ///   - consumer: `user.auth`; nil for all.
  ///   - limit: 1 to 1 000.
  public func list(
    consumer: String? = nil, state: ParkedEvent.State = .dead, after: ParkedEvent? = nil, limit: Int = 100
  ) async throws -> [ParkedEvent] {
    var condition: SQL = "state = \(state)"
    if let consumer { condition = condition + " AND consumer = \(consumer)" }
    if let after {
      condition =
        condition + " AND (parked_at, event_id, consumer) > (\(after.parkedAt), \(after.id), \(after.consumer))"
    }
    return try await database.all(
      """
      SELECT \(ParkedEventStore.columns) FROM parked_events WHERE \(condition)
      ORDER BY parked_at, event_id, consumer LIMIT \(min(max(limit, 1), 1_000))
      """)
  }

  /// - Returns: the event as each consumer has it parked; empty when none has.
  public func find(_ id: UUID) async throws -> [ParkedEvent] {
    try await database.all(
      "SELECT \(ParkedEventStore.columns) FROM parked_events WHERE event_id = \(id) ORDER BY consumer")
  }

  /// Lets a dead event be tried again, at once, with all its attempts before it.
  /// - Returns: false when it is not there or not dead.
  @discardableResult
  public func replay(_ event: ParkedEvent) async throws -> Bool {
    try await database.write { transaction in
      let count = try transaction.execute(
        """
        UPDATE parked_events SET state = 'retrying', attempts = 0, claims = 0, next_attempt_at = \(try transaction.now)
        WHERE consumer = \(event.consumer) AND event_id = \(event.id) AND state = 'dead'
        """)
      if count > 0 { try transaction.notify(ParkedEventStore.channel(event.consumer), "") }
      return count > 0
    }
  }

  /// Gives a dead event up for good: it counts as handled, and later events of its subject go on.
  /// - Returns: false when it is not there or not dead.
  @discardableResult
  public func drop(_ event: ParkedEvent) async throws -> Bool {
    try await database.write { transaction in
      let count = try transaction.execute(
        """
        DELETE FROM parked_events
        WHERE consumer = \(event.consumer) AND event_id = \(event.id) AND state = 'dead'
        """)
      guard count > 0 else { return false }
      let inbox = InboxStore(transaction, consumer: event.consumer)
      _ = try inbox.note([event.id])
      guard let subject = event.subject, event.sequence > 0 else { return true }
      let position = try inbox.position(source: event.source, family: event.family, subject: subject)
      // Only a consumer that keeps order has held anything, and only its dead event is the next in turn.
      if position ?? 0 == event.sequence - 1 {
        try inbox.setPosition(event.sequence, source: event.source, family: event.family, subject: subject)
        try ParkedEventStore(transaction, consumer: event.consumer).promote(
          source: event.source, family: event.family, subject: subject, sequence: event.sequence + 1)
      }
      return true
    }
  }
}
