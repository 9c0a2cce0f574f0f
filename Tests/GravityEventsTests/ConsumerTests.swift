import Foundation
import GravityContracts
import GravityData
import GravityEvents
import Patience
import Synchronization
import Testbed
import Testing

@Suite("Consumer", .timeLimit(.minutes(5)))
struct ConsumerTests {
  @Test(
    "a batch with a poison message: the others take effect once, and it is a dead letter", arguments: Engine.available)
  func poison(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let attempts = Mutex(0)
      let consumer = place.consumer { number in
        if number == 13 { attempts.withLock { $0 += 1 } }
        return number == 13
      }
      try await place.running([consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        try await place.publish(Array(0..<100))
        try await eventually("one is dead") { try await place.parked(.dead).count == 1 }
        try await eventually("the others take effect") { try await place.effects().count == 99 }
        try await eventually("the queue is empty") { try await place.broker.depth(of: consumer.name) == 0 }
      }
      #expect(try await place.effects().sorted() == (0..<100).filter { $0 != 13 })
      let dead = try #require(try await place.parked(.dead).first)
      #expect(dead.consumer == "place.ping")
      #expect(dead.attempts == 3)
      #expect(dead.error == "Broken()")
      // Once with its batch, and then alone as often as the ladder says.
      #expect(attempts.withLock { $0 } >= 3)
    }
  }

  @Test("a dead letter that is replayed takes effect once; one that is dropped never does", arguments: Engine.available)
  func deadLetters(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let isMended = Mutex(false)
      let consumer = place.consumer { number in number < 2 && !isMended.withLock { $0 } }
      try await place.running([consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        try await place.publish([0, 1, 2])
        try await eventually("two are dead") { try await place.parked(.dead).count == 2 }
        isMended.withLock { $0 = true }
        let letters = DeadLetters(place.database)
        let dead = try await letters.list()
        #expect(try await letters.replay(dead[0]))
        #expect(try await letters.drop(dead[1]))
        #expect(try await letters.drop(dead[1]) == false)
        try await eventually("one takes effect") { try await place.effects().count == 2 }
        // The broker brings copies of both: nothing happens twice, and what was dropped stays dropped.
        _ = try await place.broker.publish(dead.map { EventMessage(id: $0.id, type: $0.type, body: $0.body) })
        try await eventually("the queue is empty") { try await place.broker.depth(of: consumer.name) == 0 }
        #expect(try await letters.find(dead[0].id).isEmpty)
        #expect(try await letters.list().isEmpty)
        #expect(try await letters.replay(dead[0]) == false)
        #expect(try await place.effects().count == 2)
      }
    }
  }

  @Test("a handler that fails for a while is tried again until it succeeds", arguments: Engine.available)
  func retries(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let failures = Mutex(5)
      let ladder = RetryLadder(delays: Array(repeating: .milliseconds(1), count: 8))
      let consumer = place.consumer(ladder: ladder) { _ in
        failures.withLock { count in
          count -= 1
          return count >= 0
        }
      }
      try await place.running([consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        try await place.publish([7])
        try await eventually("it takes effect") { try await place.effects() == [7] }
        #expect(try await DeadLetters(place.database).list(state: .retrying).isEmpty)
      }
    }
  }

  @Test("bytes that are no event become a dead letter and hold up nothing", arguments: Engine.available)
  func malformed(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let consumer = place.consumer()
      let withNUL = #"""
        {"specversion":"1.0","id":"0190b1e0-0000-7000-8000-000000000009","source":"/other","type":"ping.sent.v1",
        "subject":"a\u0000","time":"2026-01-31T09:30:00Z","data":{"number":1}}
        """#
      let bodies = [withNUL, "", "{", "[]", "null", #"{"specversion":"1.0"}"#, #"{"specversion":"1.0","id":"x"}"#]
      try await place.running([consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        _ = try await place.broker.publish(
          bodies.map { EventMessage(id: UUID.v7(), type: Events.sent.name, body: Array($0.utf8)) })
        // An event whose data is not what its type says.
        _ = try await place.broker.publish([
          CloudEvent(
            id: UUID.v7(), source: "/other", type: Events.sent.name, subject: nil, time: Date(), sequence: 0,
            traceparent: nil, data: Array("{\"number\":\"x\"}".utf8)
          ).message
        ])
        try await place.publish([1])
        try await eventually("all are dead") { try await place.parked(.dead).count == bodies.count + 1 }
        try await eventually("the good one takes effect") { try await place.effects() == [1] }
        try await eventually("the queue is empty") { try await place.broker.depth(of: consumer.name) == 0 }
      }
      for letter in try await place.parked(.dead) { #expect(letter.error?.isEmpty == false) }
    }
  }

  @Test("events of one subject are handled in their order, whatever order they come in", arguments: Engine.available)
  func order(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let consumer = place.consumer(order: .bySubject)
      var random = SeededGenerator(seed: 11)
      let sequences = (1...60).shuffled(using: &random)
      try await place.running([consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        for part in stride(from: 0, to: 60, by: 7) {
          let numbers = Array(sequences[part..<min(part + 7, 60)])
          for subject in ["a", "b"] {
            try await place.publish(numbers, subject: subject, sequences: numbers.map(Int64.init))
          }
        }
        try await eventually("all take effect") { try await place.effects().count == 120 }
      }
      for subject in ["a", "b"] { #expect(try await place.effects(subject: subject) == Array(1...60)) }
      #expect(try await place.parked(.held).isEmpty)
    }
  }

  @Test(
    "a dead event holds the rest of its subject and no other; dropping it lets them go", arguments: Engine.available)
  func orderWithDeath(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let consumer = place.consumer(order: .bySubject) { $0 == 2 }
      try await place.running([consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        try await place.publish([1, 2, 3, 4], subject: "a", sequences: [1, 2, 3, 4])
        try await place.publish([10, 11, 12], subject: "b", sequences: [1, 2, 3])
        // A type without a handler counts in the order, too.
        try await place.publish([0], subject: "b", sequences: [4], type: "ping.lost.v1")
        try await place.publish([13], subject: "b", sequences: [5])
        try await eventually("it is dead") { try await place.parked(.dead).count == 1 }
        try await eventually("the other subject goes on") {
          try await place.effects(subject: "b") == [10, 11, 12, 13]
        }
        #expect(try await place.effects(subject: "a") == [1])
        #expect(try await place.parked(.held).map(\.sequence).sorted() == [3, 4])
        try await DeadLetters(place.database).drop(try #require(try await place.parked(.dead).first))
        try await eventually("the rest takes effect") { try await place.effects(subject: "a") == [1, 3, 4] }
      }
    }
  }

  @Test("copies of one event take effect once, also many at a time", arguments: Engine.available)
  func duplicates(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      // Two instances of one service.
      let (one, other) = (place.consumer(), place.consumer())
      try await place.running([one, other]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: one.name) != nil }
        let message = CloudEvent(
          id: UUID.v7(), source: "/other", type: Events.sent.name, subject: nil, time: Date(), sequence: 0,
          traceparent: nil, data: Array(#"{"number":1}"#.utf8)
        ).message
        for _ in 0..<30 { _ = try await place.broker.publish([message]) }
        try await place.publish([2])
        try await eventually("both take effect") { Set(try await place.effects()) == [1, 2] }
        try await eventually("the queue is empty") { try await place.broker.depth(of: one.name) == 0 }
      }
      #expect(try await place.effects().sorted() == [1, 2])
    }
  }

  @Test("what was delivered before is handled alone, with its attempt counted first", arguments: Engine.available)
  func redelivered(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let consumer = place.consumer()
      // Somebody took them and went away without a word.
      let queue = EventQueue(consumer.name, patterns: [Events.sent.name])
      let first = place.broker.subscribe(to: queue, prefetch: 10)
      try await eventually("the queue is there") { try await place.broker.depth(of: queue.name) != nil }
      try await place.publish([1, 2, 3])
      var taken: [EventDelivery] = []
      while taken.count < 3 { taken += try await first.next(atMost: 3) }
      await first.giveBack(taken)
      await first.close()
      let attempts = Mutex<[Int: Int]>([:])
      let careful = place.consumer { number in
        attempts.withLock { $0[number, default: 0] += 1 }
        return false
      }
      try await place.running([careful]) {
        try await eventually("all take effect") { try await place.effects().sorted() == [1, 2, 3] }
        try await eventually("the queue is empty") { try await place.broker.depth(of: queue.name) == 0 }
      }
      #expect(try await place.parked(.retrying).isEmpty)
    }
  }

  @Test(
    "an event that ends its process each time is a dead letter in the end, and the others are not",
    arguments: Engine.available)
  func killer(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      // As processes leave it that died while they handled it, attempt for attempt.
      let ladder = RetryLadder(delays: [.milliseconds(1), .milliseconds(1)])
      let consumer = place.consumer(ladder: ladder)
      let events = [1, 2].map { number in
        CloudEvent(
          id: UUID.v7(), source: "/other", type: Events.sent.name, subject: nil, time: Date(), sequence: 0,
          traceparent: nil, data: Array(#"{"number":\#(number)}"#.utf8))
      }
      try await place.database.write { transaction in
        for (event, attempts) in zip(events, [3, 0]) {
          try transaction.execute(
            """
            INSERT INTO parked_events (consumer, event_id, state, type, source, family, subject, sequence, body,
              attempts, claims, next_attempt_at, parked_at)
            VALUES (\(consumer.name), \(event.id), 'retrying', \(event.type), '/other', 'ping', NULL, 0, \(event.json),
              \(attempts), 3, \(try transaction.now), \(try transaction.now))
            """)
        }
      }
      try await place.running([consumer]) {
        try await eventually("the innocent takes effect") { try await place.effects() == [2] }
        try await eventually("the other is dead") { try await place.parked(.dead).map(\.id) == [events[0].id] }
      }
    }
  }

  @Test("the past is taken in once, and events that came meanwhile follow it", arguments: Engine.available)
  func snapshot(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let pages = Mutex(0)
      let snapshot = EventSnapshot(service: "other") { cursor in
        pages.withLock { $0 += 1 }
        // The first page fails once, as a service that is not up yet.
        if pages.withLock({ $0 }) == 1 { throw Broken() }
        let start = cursor.flatMap { Int($0.parts[0]) } ?? 0
        let items = try (start..<min(start + 10, 25)).map { number in
          SnapshotItem(
            subject: "s\(number)", sequence: 3,
            events: [try SnapshotEvent(Events.sent, Ping(number: number))])
        }
        return SnapshotPage(items: items, nextCursor: start + 10 < 25 ? Cursor(["\(start + 10)"]) : nil)
      }
      let consumer = place.consumer(order: .bySubject, snapshot: snapshot)
      try await place.running([consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        // 2 is in the snapshot already; 5 has to wait for 4, and 4 for the snapshot.
        try await place.publish([1_002, 1_005, 1_004], subject: "s7", sequences: [2, 5, 4])
        try await eventually("all take effect") { try await place.effects().count == 27 }
        try await eventually("that this was all is noted, after the last effect") {
          try await !place.database.rows("SELECT 1 FROM event_snapshots WHERE completed_at IS NOT NULL").isEmpty
        }
      }
      #expect(try await place.effects(subject: "s7") == [7, 1_004, 1_005])
      #expect(try await place.effects().filter { $0 < 1_000 }.sorted() == Array(0..<25))
      let asked = pages.withLock { $0 }
      #expect(asked == 4)
      // A restart does not ask again.
      try await place.running([place.consumer(order: .bySubject, snapshot: snapshot)]) {
        try await place.publish([1_006], subject: "s7", sequences: [6])
        try await eventually("it takes effect") { try await place.effects(subject: "s7").last == 1_006 }
      }
      #expect(pages.withLock { $0 } == asked)
    }
  }

  @Test("handlers that each take a lock of their own get through a batch", arguments: Engine.available)
  func locks(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let consumer = EventConsumer(
        service: "place", family: "ping",
        handlers: [
          .on(Events.sent) { event, transaction in
            try transaction.lock("subject \(event.payload.number)")
            try transaction.execute("INSERT INTO effects (serial, number) VALUES (0, \(event.payload.number))")
          }
        ], database: place.database, broker: place.broker, logger: .silent)
      try await place.running([consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        try await place.publish(Array(0..<100))
        try await eventually("all take effect") { try await place.effects().count == 100 }
      }
      #expect(try await place.effects().sorted() == Array(0..<100))
      #expect(try await place.parked(.dead).isEmpty)
    }
  }

  @Test(
    "a subject of the past that cannot be taken in is a dead letter, and the others are taken in",
    arguments: Engine.available)
  func snapshotWithPoison(_ engine: Engine) async throws {
    try await engine.withPlace { place in
      let snapshot = EventSnapshot(service: "other") { _ in
        let items = try (0..<50).map { number in
          SnapshotItem(
            subject: "s\(number)", sequence: 1, events: [try SnapshotEvent(Events.sent, Ping(number: number))])
        }
        return SnapshotPage(items: items, nextCursor: nil)
      }
      let isMended = Mutex(false)
      let consumers = (0..<2).map { _ in
        place.consumer(order: .bySubject, snapshot: snapshot) { number in
          number == 13 && !isMended.withLock { $0 }
        }
      }
      // Two instances at once.
      try await place.running(consumers) {
        try await eventually("the others take effect") { try await place.effects().count == 49 }
        try await eventually("one is dead") { try await place.parked(.dead).map(\.subject) == ["s13"] }
        isMended.withLock { $0 = true }
        try await DeadLetters(place.database).replay(try #require(try await place.parked(.dead).first))
        try await eventually("it takes effect") { try await place.effects().count == 50 }
        // What follows it in its subject goes on.
        try await place.publish([1_013], subject: "s13", sequences: [2])
        try await eventually("it takes effect") { try await place.effects(subject: "s13") == [13, 1_013] }
      }
      #expect(try await place.effects().sorted() == Array(0..<50) + [1_013])
    }
  }

  @Test(
    "a handler that hangs is cut off and tried again, and ends as a dead letter; the others go on",
    arguments: Engine.available)
  func hangs(_ engine: Engine) async throws {
    try await engine.withPlace(statementTimeout: .seconds(1)) { place in
      let consumer = EventConsumer(
        service: "place", family: "ping",
        handlers: [
          .on(Events.sent) { event, transaction in
            if event.payload.number == 3 {
              _ = try transaction.rows(
                """
                WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)
                SELECT count(*) FROM numbers
                """)
            }
            try transaction.execute("INSERT INTO effects (serial, number) VALUES (0, \(event.payload.number))")
          }
        ], ladder: RetryLadder(delays: [.milliseconds(1)]), database: place.database, broker: place.broker,
        logger: .silent)
      try await place.running([consumer]) {
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        try await place.publish(Array(0..<10))
        try await eventually("one is dead") { try await place.parked(.dead).count == 1 }
        try await eventually("the others take effect") { try await place.effects().count == 9 }
        try await eventually("the queue is empty") { try await place.broker.depth(of: consumer.name) == 0 }
      }
      let dead = try #require(try await place.parked(.dead).first)
      #expect(dead.error?.hasPrefix("timeout") == true, "\(dead.error ?? "none")")
      #expect(try await place.effects().sorted() == [0, 1, 2, 4, 5, 6, 7, 8, 9])
    }
  }
}

struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 29)
  }
}
