import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityTelemetry
import Patience
import ServiceContextModule
import Testbed
import Testing

@Suite("Outbox")
struct OutboxTests {
  @Test("an event exists exactly when its change was committed", arguments: Engine.available)
  func atomic(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      try await place.record(1...2)
      await #expect(throws: Broken.self) {
        try await place.database.write { transaction in
          try place.outbox.append(Events.sent, subject: nil, Ping(number: 3), in: transaction)
          throw Broken()
        }
      }
      #expect(try await Outbox.status(of: place.database).waiting == 2)
    }
  }

  @Test("events about one subject are numbered without a gap, however many write at once", arguments: Engine.available)
  func sequences(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<40 {
          group.addTask {
            // A transaction that is rolled back leaves no gap either.
            if number % 4 == 0 {
              try? await place.database.write { transaction in
                try place.outbox.append(Events.sent, subject: "a", Ping(number: -1), in: transaction)
                throw Broken()
              }
            }
            try await place.record([number], subject: number % 2 == 0 ? "a" : "b")
          }
        }
        try await group.waitForAll()
      }
      try await place.running([place.relay()]) {
        try await eventually("all are published") { try await Outbox.status(of: place.database).waiting == 0 }
      }
      let events = try await place.database.rows("SELECT body FROM outbox").map { row in
        try CloudEvent(json: try row.get("body"))
      }
      for subject in ["a", "b"] {
        #expect(events.filter { $0.subject == subject }.map(\.sequence).sorted() == Array(1...20))
      }
      let last = try await place.database.write { try Outbox.sequence(family: "ping", subject: "a", in: $0) }
      #expect(last == 20)
    }
  }

  @Test("an event carries the trace in which it happened", arguments: Engine.available)
  func trace(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let trace = TraceContext.root()
      var context = ServiceContext.topLevel
      context.trace = trace
      try await ServiceContext.withValue(context) { try await place.record([1]) }
      _ = try await place.relay().publishBatch()
      let event = try CloudEvent(json: try #require(place.broker.lastMessages.first).body)
      #expect(event.traceparent == trace.traceparent)
      #expect(event.source == "/test")
      #expect(event.type == "ping.sent.v1")
      #expect(event.data == Array(#"{"number":1}"#.utf8))
    }
  }

  @Test("what is too large or has no proper subject is refused", arguments: Engine.available)
  func bounds(_ engine: Engine) async throws {
    struct Large: Codable, Sendable { var text: String }
    let type = EventType<Large>("ping.large.v1", summary: "")
    try await engine.withPlace { place in
      for (subject, size) in [("a", 61 << 10), ("", 1), ("a\u{0}", 1), (String(repeating: "x", count: 201), 1)] {
        await #expect(throws: UnfitEvent.self) {
          try await place.database.write { transaction in
            try place.outbox.append(
              type, subject: subject, Large(text: String(repeating: "a", count: size)), in: transaction)
          }
        }
      }
    }
  }

  @Test("a broker that is away holds up nobody, and gets everything when it is back", arguments: Engine.available)
  func away(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      place.broker.isAway = true
      let consumer = place.consumer()
      try await place.running([place.relay(), consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        for number in 0..<300 { try await place.record([number]) }
        #expect(try await Outbox.status(of: place.database).waiting == 300)
        place.broker.isAway = false
        try await eventually("all take effect") { try await place.effects().count == 300 }
      }
      #expect(Set(try await place.effects()) == Set(0..<300))
      #expect(try await Outbox.status(of: place.database).waiting == 0)
    }
  }

  @Test("what is not confirmed is published again, and what is confirmed is not", arguments: Engine.available)
  func partlyConfirmed(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      try await place.record(0..<10)
      place.broker.confirmOnly(4)
      await #expect(throws: BrokerError.self) { try await place.relay().publishBatch() }
      #expect(try await Outbox.status(of: place.database).waiting == 6)
      // After a moment, so that others go first.
      try await eventually("they are published again") {
        _ = try await place.relay().publishBatch()
        return try await Outbox.status(of: place.database).waiting == 0
      }
      #expect(try await Outbox.status(of: place.database).waiting == 0)
      #expect(place.broker.publishedMessages == 16)
    }
  }

  @Test("a published event whose confirmation was lost takes effect once", arguments: Engine.available)
  func lostAnswers(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let consumer = place.consumer()
      place.broker.loseAnswers(3)
      try await place.running([place.relay(), consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        try await place.record(0..<50)
        try await eventually("all are published") { try await Outbox.status(of: place.database).waiting == 0 }
        try await eventually("nothing waits") { try await place.broker.depth(of: consumer.name) == 0 }
      }
      #expect(place.broker.publishedMessages > 50)
      #expect(try await place.effects().sorted() == Array(0..<50))
    }
  }

  @Test("two relays share an outbox and lose nothing", arguments: Engine.available)
  func twoRelays(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let consumer = place.consumer()
      try await place.running([place.relay(), place.relay(), consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        try await withThrowingTaskGroup(of: Void.self) { group in
          for writer in 0..<4 {
            group.addTask {
              for number in 0..<100 { try await place.record([writer * 100 + number]) }
            }
          }
          try await group.waitForAll()
        }
        try await eventually("all take effect") { try await place.effects().count >= 400 }
      }
      #expect(try await place.effects().sorted() == Array(0..<400))
      #expect(place.broker.publishedMessages == 400)
    }
  }

  @Test("kept events are replayed by type, subject and id, and take effect once", arguments: Engine.available)
  func replay(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let consumer = place.consumer()
      try await place.running([place.relay(), consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        try await place.record(0..<5, subject: "a")
        try await place.record(5..<8, subject: "b")
        try await eventually("all take effect") { try await place.effects().count == 8 }
        try await eventually("all are marked") { try await Outbox.status(of: place.database).waiting == 0 }
        #expect(try await Outbox.replay(.init(subject: "b"), in: place.database) == 3)
        try await eventually("they are published again") { place.broker.publishedMessages == 11 }
        try await eventually("all are marked") { try await Outbox.status(of: place.database).waiting == 0 }
        #expect(try await Outbox.replay(.init(type: "ping.none.v1"), in: place.database) == 0)
        #expect(try await Outbox.replay(.init(), in: place.database) == 8)
        try await eventually("they are published again") { place.broker.publishedMessages == 19 }
        try await eventually("nothing waits") { try await place.broker.depth(of: consumer.name) == 0 }
      }
      #expect(try await place.effects().sorted() == Array(0..<8))
    }
  }

  @Test("what a relay had claimed when it died is published by the next", arguments: Engine.available)
  func claimsRunOut(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      try await place.record(0..<10)
      // As a relay that died after its claim leaves it, and after the claim's time.
      try await place.database.write { transaction in
        try transaction.execute("UPDATE outbox SET claimed_until = \(try transaction.now + 20)")
      }
      #expect(try await place.relay().publishBatch() == 0)
      try await place.database.write { transaction in
        try transaction.execute("UPDATE outbox SET claimed_until = \(try transaction.now - 1)")
      }
      #expect(try await place.relay().publishBatch() == 10)
    }
  }
}
