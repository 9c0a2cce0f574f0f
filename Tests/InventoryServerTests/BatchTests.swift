import Foundation
import GravityContracts
import GravityData
import InventoryAPI
import Testbed
import Testing
@testable import InventoryServer

@Suite("Changes that share a transaction")
struct BatchTests {
  @Test("a whole life in one transaction is written as if it had taken many", arguments: Engine.available)
  func life(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 10)
      let kept = try await fixture.reserve([("A", 1)], ttl: 30).id
      let due = try await fixture.reserve([("A", 1)], ttl: 1).id
      fixture.clock.advance(1)
      let ids = (0..<5).map { _ in UUID.v7() }
      let needs = StockNeeds(skus: ["A", "NEW"], reservations: Set(ids + [kept, due]))
      try await fixture.service.reservations.writer.write(needs) { batch in
        // One of each ending, some by way of others.
        for id in ids { _ = try batch.reserve(id, [Demand(sku: "A", quantity: 1)], for: 60) }
        _ = try batch.commit(ids[1])
        _ = try batch.release(ids[2])
        _ = try batch.commit(ids[3])
        _ = try batch.takeBack(ids[3])
        _ = try batch.extend(ids[4], for: 90)
        _ = try batch.extend(kept, for: 90)
        _ = try batch.commit(kept)
        #expect(throws: Problem.self) { try batch.commit(due) }
        // What one made is there for the next.
        _ = try batch.adjust("NEW", by: 2, at: "main", .received, nil)
        #expect(throws: Problem.self) { try batch.reserve(.v7(), [Demand(sku: "NEW", quantity: 3)], for: 60) }
      }
      var states: [StockReservation.State] = []
      for id in ids + [kept, due] {
        guard case .known(let state) = try await fixture.service.reservations.find(id).state else { continue }
        states.append(state)
      }
      #expect(states == [.active, .committed, .released, .returned, .active, .committed, .expired])
      let item = try await fixture.item("A")
      #expect((item.onHand, item.reserved, item.allocated, item.available) == (10, 2, 2, 6))
      #expect(try await fixture.item("NEW").available == 2)
      #expect(try await fixture.service.reservations.find(ids[4]).expiresAt == fixture.clock.now + 90)
      #expect(try await fixture.events(of: ids[3].lowercased) == ["reserved", "committed", "returned"])
      // And it goes on from there.
      fixture.clock.advance(60)
      #expect(try await fixture.item("A").reserved == 1)
      while try await fixture.service.reservations.expireDue() > 0 {}
    }
  }

  @Test("many changes that wait go together, each with its own verdict", arguments: Engine.available)
  func together(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine, { $0.batch = 1_000 }) { fixture in
      for number in 0..<10 { try await fixture.receive("S\(number)", 3) }
      let verdicts = try await withThrowingTaskGroup(of: (Int, Verdict).self) { group in
        for client in 0..<100 {
          group.addTask {
            (client % 10, try await Verdict.of { try await fixture.reserve([("S\(client % 10)", 1)]) })
          }
        }
        return try await group.reduce(into: [Int: [Verdict]]()) { $0[$1.0, default: []].append($1.1) }
      }
      for (_, verdicts) in verdicts {
        #expect(verdicts.filter { $0 == .ok(.active) }.count == 3)
        #expect(verdicts.filter { $0 == .refused("insufficient_stock") }.count == 7)
      }
    }
  }

  @Test("more than may wait are refused as busy and change nothing", arguments: Engine.available)
  func bounded(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine, { ($0.batch, $0.maximumWaiting) = (1, 5) }) { fixture in
      try await fixture.receive("A", 1_000)
      let (done, busy) = try await withThrowingTaskGroup(of: Bool.self) { group in
        for _ in 0..<200 {
          group.addTask {
            do {
              _ = try await fixture.reserve([("A", 1)])
              return true
            } catch let error as DatabaseError {
              #expect(error.code == .busy)
              return false
            }
          }
        }
        return try await group.reduce((0, 0)) { $1 ? ($0.0 + 1, $0.1) : ($0.0, $0.1 + 1) }
      }
      #expect(done + busy == 200 && done >= 5)
      #expect(try await fixture.item("A").reserved == Int64(done))
    }
  }
}
