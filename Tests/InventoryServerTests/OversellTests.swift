import Foundation
import GravityContracts
import GravityData
import InventoryAPI
import Synchronization
import Testbed
import Testing
@testable import InventoryServer

@Suite("Nothing is ever oversold")
struct OversellTests {
  @Test("200 clients who want 20 units get exactly 20", arguments: Engine.available)
  func hotItem(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("HOT", 20)
      let (won, refused) = try await race(200, of: "HOT", among: [fixture.service])
      #expect(won == 20 && refused == 180)
      let item = try await fixture.item("HOT")
      #expect((item.reserved, item.available, item.purchasable) == (20, 0, false))
    }
  }

  @Test("also when they come to several instances, each with a database handle of its own", arguments: Engine.available)
  func severalInstances(_ engine: Engine) async throws {
    try await engine.withDatabases(3, InventoryService.migrations) { databases in
      let clock = TestClock()
      let services = try databases.map { try InventoryFixture.service($0, clock) { $0.batch = 7 } }
      _ = try await services[0].items.adjust(
        StockAdjustment(sku: "HOT", delta: 20, reason: .received), once: nil)
      let (won, refused) = try await race(200, of: "HOT", among: services)
      #expect(won == 20 && refused == 180)
      #expect(try await services[1].items.find("HOT").available == 0)
      try await Books(databases[2]).check()
    }
  }

  @Test(
    "clients who reserve, commit, release and take back together never hold more than there is",
    arguments: Engine.available)
  func mixed(_ engine: Engine) async throws {
    try await engine.withDatabases(2, InventoryService.migrations) { databases in
      let clock = TestClock()
      let services = try databases.map { try InventoryFixture.service($0, clock) }
      for sku in ["A", "B", "C"] {
        _ = try await services[0].items.adjust(StockAdjustment(sku: sku, delta: 30, reason: .received), once: nil)
      }
      // Counts units by itself, at the moment when a client knows of them.
      let held = Counter(limit: 30)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for client in 0..<40 {
          let service = services[client % 2]
          group.addTask {
            for turn in 0..<10 {
              let skus = [["A", "B"], ["B", "C"], ["C", "A"]][(client + turn) % 3]
              try await Self.buy(skus, Int64(1 + (client + turn) % 4), (client + turn) % 3, service, held)
            }
          }
        }
        try await group.waitForAll()
      }
      try await Books(databases[0]).check()
      let left = held.units
      for sku in ["A", "B", "C"] {
        let item = try await services[1].items.find(sku)
        #expect(item.allocated == left[sku, default: 0] && item.reserved == 0 && item.onHand == 30)
      }
    }
  }

  /// Reserves and then releases, sells and takes back, or sells for good.
  private static func buy(
    _ skus: [String], _ quantity: Int64, _ ending: Int, _ service: InventoryService, _ held: Counter
  ) async throws {
    let id = UUID.v7()
    let verdict = try await Verdict.of { try await service.reserve(skus.map { ($0, quantity) }, id: id) }
    guard verdict == .ok(.active) else {
      #expect(verdict == .refused("insufficient_stock"))
      return
    }
    held.add(quantity, skus)
    switch ending {
    case 0:
      held.add(-quantity, skus)
      _ = try await service.reservations.release(id)
    case 1:
      _ = try await service.reservations.commit(id)
      held.add(-quantity, skus)
      _ = try await service.reservations.takeBack(id)
    default: _ = try await service.reservations.commit(id)
    }
  }

  @Test("two lines of one cart that share an item are added up", arguments: Engine.available)
  func sharedItem(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 5)
      let problem = await #expect(throws: Problem.self) { try await fixture.reserve([("A", 3), ("A", 3)]) }
      #expect(problem?.shortages == [StockShortage(sku: "A", requested: 6, available: 5)])
      let reservation = try await fixture.reserve([("A", 3), ("A", 2)])
      #expect(reservation.lines.map(\.quantity) == [5])
    }
  }

  @Test("all lines or none, and every SKU that is short is listed", arguments: Engine.available)
  func allOrNothing(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 5)
      try await fixture.receive("B", 1)
      let problem = await #expect(throws: Problem.self) {
        try await fixture.reserve([("C", 1), ("A", 5), ("B", 2)])
      }
      #expect(problem?.status == 409 && problem?.code == "insufficient_stock")
      #expect(
        problem?.shortages == [
          StockShortage(sku: "B", requested: 2, available: 1), StockShortage(sku: "C", requested: 1, available: 0),
        ])
      #expect(try await fixture.item("A").available == 5)
      #expect(try await fixture.service.reservations.list(StockReservationQuery()).items.isEmpty)
    }
  }

  @Test(
    "a transaction that breaks in mid-batch leaves nothing, and those beside it are served", arguments: Engine.available
  )
  func brokenBatch(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      struct Broken: Error {}
      // Enough for all of them, in whichever order they come.
      try await fixture.receive("A", 15)
      let writer = fixture.service.reservations.writer
      let id = UUID.v7()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<5 { group.addTask { _ = try await fixture.reserve([("A", 1)]) } }
        group.addTask {
          await #expect(throws: Broken.self) {
            try await writer.write(StockNeeds(skus: ["A"])) { batch in
              _ = try batch.reserve(id, [Demand(sku: "A", quantity: 5)], for: 60)
              throw Broken()
            }
          }
        }
        for _ in 0..<5 { group.addTask { _ = try await fixture.reserve([("A", 1)]) } }
        try await group.waitForAll()
      }
      #expect(try await fixture.item("A").reserved == 10)
      #expect(try await Verdict.of { try await fixture.service.reservations.find(id) } == .refused("not_found"))
      #expect(try await fixture.events(of: id.lowercased).isEmpty)
    }
  }

  @Test("the database itself refuses a level that is oversold", arguments: Engine.available)
  func check(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 1)
      let error = await #expect(throws: DatabaseError.self) {
        try await fixture.database.write { try $0.execute("UPDATE levels SET reserved = 1, allocated = 1") }
      }
      #expect(error?.code == .checkViolation)
    }
  }

  /// - Returns: how many got one unit, and how many were told that there is none.
  private func race(_ clients: Int, of sku: String, among services: [InventoryService]) async throws -> (Int, Int) {
    try await withThrowingTaskGroup(of: Verdict.self) { group in
      for client in 0..<clients {
        let service = services[client % services.count]
        group.addTask { try await Verdict.of { try await service.reserve([(sku, 1)]) } }
      }
      var (won, refused) = (0, 0)
      for try await verdict in group {
        switch verdict {
        case .ok: won += 1
        case .refused(let code):
          #expect(code == "insufficient_stock")
          refused += 1
        }
      }
      return (won, refused)
    }
  }
}

/// Knows nothing of the service: how many units clients believe to have.
private final class Counter: Sendable {
  private let state = Mutex<[String: Int64]>([:])
  private let limit: Int64
  init(limit: Int64) { self.limit = limit }

  var units: [String: Int64] { state.withLock { $0 } }

  func add(_ quantity: Int64, _ skus: [String]) {
    let most = state.withLock { units in
      for sku in skus { units[sku, default: 0] += quantity }
      return units.values.max() ?? 0
    }
    #expect(most <= limit)
  }
}
