public import Foundation
public import GravityContracts
public import GravityData

/// What happened, as a handler sees it.
public struct Event<Payload: Sendable>: Sendable {
  public var payload: Payload
  /// The same however often it is delivered.
  public var id: UUID
  /// `/auth`.
  public var source: String
  public var subject: String?
  /// 0 without a subject.
  public var sequence: Int64
  /// When it happened.
  public var time: Date
}

/// What a consumer does about one type of event.
public struct EventHandler: Sendable {
  public let type: String
  let handle: @Sendable (CloudEvent, any Transaction) throws -> Void

  /// - Parameter body: Runs in the transaction that also notes that the event was handled, so its effect happens
  ///   exactly once in that database. It runs again when that transaction has to be tried again. What reaches beyond
  ///   the database is a task that it enqueues there. Many events share a transaction, so it should take no named lock
  ///   (`Transaction.lock`): on PostgreSQL one that is asked for after the first statement makes the whole batch run
  ///   again, once for each such lock. Rows lock themselves; an `UPDATE` or `FOR UPDATE` does.
  public static func on<Payload>(
    _ type: EventType<Payload>, _ body: @escaping @Sendable (Event<Payload>, any Transaction) throws -> Void
  ) -> EventHandler {
    EventHandler(type: type.name) { event, transaction in
      let payload: Payload
      do {
        payload = try WireFormat.makeDecoder().decode(Payload.self, from: Data(event.data))
      } catch {
        throw MalformedEvent("data of \(event.type): \(error)")
      }
      try body(
        Event(
          payload: payload, id: event.id, source: event.source, subject: event.subject, sequence: event.sequence,
          time: event.time), transaction)
    }
  }
}

/// How long a consumer waits before it tries an event again that it could not handle.
public struct RetryLadder: Sendable {
  /// Before the second attempt, the third and so on. After the last the event is a dead letter.
  public var delays: [Duration]

  public init(delays: [Duration]) { self.delays = delays }

  /// Five attempts within some seconds, then after half a minute, two and ten.
  public static let standard = RetryLadder(delays: [
    .milliseconds(100), .milliseconds(500), .seconds(1), .seconds(3), .seconds(30), .seconds(120), .seconds(600),
  ])

  /// Seconds, with jitter, or nil when that was the last attempt.
  func delay(after attempts: Int) -> TimeInterval? {
    guard attempts >= 1, attempts <= delays.count else { return nil }
    return delays[attempts - 1] / .seconds(1) * Double.random(in: 0.8...1.2)
  }
}
