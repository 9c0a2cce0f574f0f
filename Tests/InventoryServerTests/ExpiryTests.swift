import Foundation
import GravityContracts
import InventoryAPI
import Patience
import ServiceLifecycle
import Testbed
import Testing
@testable import InventoryServer

@Suite("Reservations expire to the moment, whether or not they are swept")
struct ExpiryTests {
  @Test("stock is free in the very microsecond, for readers and for the next reservation", arguments: Engine.available)
  func exact(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 5)
      let first = try await fixture.reserve([("A", 5)], ttl: 60)
      #expect(first.expiresAt == fixture.clock.now + 60)
      fixture.clock.advance(59.999_999)
      #expect(try await fixture.item("A").available == 0)
      #expect(try await Verdict.of { try await fixture.reserve([("A", 1)]) } == .refused("insufficient_stock"))
      #expect(try await fixture.service.reservations.find(first.id).state == .known(.active))
      fixture.clock.advance(0.000_001)
      // Read before anything has written it down.
      let item = try await fixture.item("A")
      #expect((item.available, item.reserved, item.purchasable) == (5, 0, true))
      let page = try await fixture.service.items.list(StockItemQuery())
      #expect(page.items.map(\.available) == [5])
      let read = try await fixture.service.reservations.find(first.id)
      #expect((read.state, read.closedAt) == (.known(.expired), first.expiresAt))
      #expect(try await fixture.events(of: first.id.lowercased) == ["reserved"])
      // Listed by what they are, not by what is written.
      let reservations = fixture.service.reservations
      #expect(try await reservations.list(StockReservationQuery(state: .active)).items.isEmpty)
      #expect(try await reservations.list(StockReservationQuery(state: .expired)).items.map(\.id) == [first.id])
      // Reserved again in one step.
      _ = try await fixture.reserve([("A", 5)])
      #expect(try await fixture.events(of: first.id.lowercased) == ["reserved", "expired"])
      #expect(try await reservations.find(first.id) == read)
    }
  }

  @Test(
    "what is short is told with what has expired counted as free, and nothing is expired for it",
    arguments: Engine.available)
  func shortages(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 5)
      try await fixture.receive("B", 1)
      let first = try await fixture.reserve([("A", 4), ("B", 1)], ttl: 1)
      fixture.clock.advance(1)
      let problem = await #expect(throws: Problem.self) { try await fixture.reserve([("A", 6), ("B", 1)]) }
      #expect(problem?.shortages == [StockShortage(sku: "A", requested: 6, available: 5)])
      #expect(try await fixture.events(of: first.id.lowercased) == ["reserved"])
    }
  }

  @Test(
    "only as many are expired as are needed, the oldest first, and a batch does not expire one twice",
    arguments: Engine.available)
  func asNeeded(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 10)
      var ids: [UUID] = []
      for second in 1...10 { ids.append(try await fixture.reserve([("A", 1)], ttl: second).id) }
      fixture.clock.advance(10)
      let oldest = ids[0]
      let writer = fixture.service.reservations.writer
      // One transaction: one is due and looked at, and then some are needed, twice.
      try await writer.write(StockNeeds(skus: ["A"])) { batch in
        #expect(try batch.reservation(oldest)?.state == .expired)
        #expect(try batch.dueQuantity(of: "A") == 9)
        _ = try batch.reserve(.v7(), [Demand(sku: "A", quantity: 3)], for: 60)
        #expect(try batch.dueQuantity(of: "A") == 7)
        _ = try batch.reserve(.v7(), [Demand(sku: "A", quantity: 1)], for: 60)
      }
      for (index, id) in ids.enumerated() {
        #expect(try await fixture.events(of: id.lowercased).count == (index < 4 ? 2 : 1))
      }
      #expect(try await fixture.item("A").available == 6)
    }
  }

  @Test("the sweeper tells of each once, in batches, also when two sweep", arguments: Engine.available)
  func sweep(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine, { $0.sweepBatch = 10 }) { fixture in
      try await fixture.receive("A", 50)
      var ids: [UUID] = []
      for _ in 0..<25 { ids.append(try await fixture.reserve([("A", 2)], ttl: 5).id) }
      #expect(try await fixture.service.reservations.expireDue() == 0)
      fixture.clock.advance(5)
      #expect(try await fixture.service.reservations.expireDue() == 10)
      async let one = fixture.service.reservations.expireDue()
      async let other = fixture.service.reservations.expireDue()
      #expect(try await one + other == 15)
      for id in ids { #expect(try await fixture.events(of: id.lowercased) == ["reserved", "expired"]) }
      #expect(try await fixture.item("A").available == 50)
    }
  }

  @Test("the service sweeps by itself, and ends when it is asked to", arguments: Engine.available)
  func tasks(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine, { $0.sweepInterval = .milliseconds(10) }) { fixture in
      try await fixture.receive("A", 1)
      let id = try await fixture.reserve([("A", 1)], ttl: 1).id
      fixture.clock.advance(1)
      let running = Task { try await fixture.service.tasks.run() }
      try await eventually("the reservation is told to have expired") {
        try await fixture.events(of: id.lowercased) == ["reserved", "expired"]
      }
      running.cancel()
      _ = await running.result
    }
  }

  @Test("one that is extended in time holds on, and extending never makes it shorter", arguments: Engine.available)
  func extend(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 1)
      let id = try await fixture.reserve([("A", 1)], ttl: 60).id
      fixture.clock.advance(59)
      let reservations = fixture.service.reservations
      let extended = try await reservations.extend(StockReservationExtension(id: id, ttlSeconds: 60))
      #expect((extended.expiresAt, extended.version) == (fixture.clock.now + 60, 2))
      let shorter = try await reservations.extend(StockReservationExtension(id: id, ttlSeconds: 1))
      #expect(shorter == extended)
      fixture.clock.advance(30)
      #expect(try await fixture.item("A").available == 0)
      _ = try await reservations.commit(id)
      fixture.clock.advance(1_000)
      #expect(try await fixture.item("A").allocated == 1)
    }
  }

  @Test("a commit that comes too late is refused, and the stock may be another's", arguments: Engine.available)
  func lateCommit(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 1)
      let id = try await fixture.reserve([("A", 1)], ttl: 1).id
      fixture.clock.advance(1)
      #expect(
        try await Verdict.of { try await fixture.service.reservations.commit(id) } == .refused("reservation_closed"))
      // The refusal has written down what was true.
      #expect(try await fixture.events(of: id.lowercased) == ["reserved", "expired"])
      _ = try await fixture.reserve([("A", 1)])
    }
  }
}
