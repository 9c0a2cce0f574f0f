import Foundation
import GravityData

/// Whether a consumer gets the events about one subject in the order in which they happened.
public enum EventOrder: Sendable, Hashable {
  /// As they come. For effects that do not depend on one another.
  case any
  /// By their sequence: one that comes too early is held until those before it are handled. The consumer then takes
  /// every event of the family, since the numbers run through all of them.
  case bySubject
}

/// What a consumer does with events inside one transaction: drop what it knows, hold what is early, handle the rest.
struct EventIntake: Sendable {
  let consumer: String
  let order: EventOrder
  let handlers: [String: EventHandler]

  enum Outcome: Sendable, Hashable { case handled, duplicate, held }

  /// - Returns: what became of each event that is not about a duplicate, by its id.
  /// - Throws: what a handler threw; the transaction must not be committed then.
  func take(
    _ events: [CloudEvent], in transaction: any Transaction, spans: EventSpans
  ) throws -> [UUID: Outcome] {
    spans.begin()
    return switch order {
    case .any: try takeAsTheyCome(events, in: transaction, spans)
    case .bySubject: try takeInOrder(events, in: transaction, spans)
    }
  }

  private func takeAsTheyCome(
    _ events: [CloudEvent], in transaction: any Transaction, _ spans: EventSpans
  ) throws -> [UUID: Outcome] {
    var new = try InboxStore(transaction, consumer: consumer).note(events.map(\.id).distinct)
    var outcomes: [UUID: Outcome] = [:]
    for event in events.inOrder {
      // Taken out, so that a copy in the same batch is a duplicate too.
      guard new.remove(event.id) != nil else {
        outcomes[event.id] = outcomes[event.id] ?? .duplicate
        continue
      }
      try handle(event, transaction, spans)
      outcomes[event.id] = .handled
    }
    return outcomes
  }

  private struct Place: Hashable {
    let source: String
    let family: String
    let subject: String
  }

  private func takeInOrder(
    _ events: [CloudEvent], in transaction: any Transaction, _ spans: EventSpans
  ) throws -> [UUID: Outcome] {
    let (numbered, others) = (
      events.filter { $0.subject != nil && $0.sequence > 0 }, events.filter { $0.subject == nil || $0.sequence == 0 }
    )
    var outcomes = others.isEmpty ? [:] : try takeAsTheyCome(others, in: transaction, spans)
    let inbox = InboxStore(transaction, consumer: consumer)
    let parked = ParkedEventStore(transaction, consumer: consumer)
    var positions: [Place: Int64] = [:]
    var moved: Set<Place> = []
    var handled: [UUID] = []
    for event in numbered.inOrder {
      guard let subject = event.subject else { continue }
      let place = Place(source: event.source, family: event.family, subject: subject)
      let position: Int64
      if let known = positions[place] {
        position = known
      } else {
        position = try inbox.position(source: place.source, family: place.family, subject: subject) ?? 0
        positions[place] = position
      }
      if event.sequence <= position {
        outcomes[event.id] = outcomes[event.id] ?? .duplicate
      } else if event.sequence == position + 1 {
        try handle(event, transaction, spans)
        positions[place] = event.sequence
        moved.insert(place)
        handled.append(event.id)
        outcomes[event.id] = .handled
      } else {
        try parked.park(
          event.message, event, .held, attempts: 0, error: "waits for number \(position + 1) of its subject",
          nextAttemptAt: try transaction.now)
        outcomes[event.id] = .held
      }
    }
    _ = try inbox.note(handled)
    for place in moved {
      guard let position = positions[place] else { continue }
      try inbox.setPosition(position, source: place.source, family: place.family, subject: place.subject)
      try parked.promote(
        source: place.source, family: place.family, subject: place.subject, sequence: position + 1)
    }
    return outcomes
  }

  /// A type without a handler is one that the consumer does not care for.
  private func handle(_ event: CloudEvent, _ transaction: any Transaction, _ spans: EventSpans) throws {
    guard let handler = handlers[event.type] else { return }
    try spans.handle(event) { try handler.handle(event, transaction) }
  }
}

extension [CloudEvent] {
  /// By their subjects, and of one subject as they happened: transactions that handle the same subjects at the same
  /// time come to them in one order, and do not wait for each other's rows in a circle.
  fileprivate var inOrder: [CloudEvent] {
    sorted { ($0.subject ?? "", $0.sequence) < ($1.subject ?? "", $1.sequence) }
  }
}

extension Array where Element: Hashable {
  /// Each once, in order.
  fileprivate var distinct: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
