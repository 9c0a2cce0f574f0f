import Foundation
import GravityContracts
import GravityData
import Synchronization
import Testbed
import Testing

@testable import GravityEvents

@Suite struct IntakeOrderTests {
  /// Else two lanes that have events about the same subjects could wait for each other's rows in a circle.
  @Test(
    "a batch is handled subject by subject, and of each as it happened", arguments: Engine.available,
    [EventOrder.any, .bySubject])
  func subjects(_ engine: Engine, order: EventOrder) async throws {
    try await engine.withDatabase([Place.migration]) { database in
      let handled = Mutex<[String]>([])
      let intake = EventIntake(
        consumer: "place.ping", order: order,
        handlers: [
          Events.sent.name: .on(Events.sent) { event, _ in
            handled.withLock { $0.append("\(event.subject ?? "-")\(event.sequence)") }
          }
        ])
      let events = [("c", 1), ("a", 2), ("b", 1), ("a", 1), ("c", 2), ("b", 2)].map { subject, sequence in
        CloudEvent(
          id: UUID.v7(), source: "/other", type: Events.sent.name, subject: subject, time: Date(),
          sequence: Int64(sequence), traceparent: nil, data: Array(#"{"number":1}"#.utf8))
      }
      let outcomes = try await database.write { transaction in
        handled.withLock { $0 = [] }
        return try intake.take(events, in: transaction, spans: EventSpans(consumer: "place.ping"))
      }
      #expect(Set(outcomes.values) == [.handled] && outcomes.count == events.count)
      #expect(handled.withLock { $0 } == ["a1", "a2", "b1", "b2", "c1", "c2"])
    }
  }
}
