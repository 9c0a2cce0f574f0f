import Foundation
import GravityContracts
import GravityData
import InventoryAPI
import Testbed
import Testing
@testable import InventoryServer

@Suite("Stock, adjustments and thresholds")
struct StockTests {
  @Test("no adjustment leaves less than is reserved and allocated", arguments: Engine.available)
  func adjustBelow(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 10)
      let sold = try await fixture.reserve([("A", 3)])
      _ = try await fixture.service.reservations.commit(sold.id)
      let held = try await fixture.reserve([("A", 2)], ttl: 60)
      let items = fixture.service.items
      func take(_ quantity: Int64) async throws -> StockItem {
        try await items.adjust(StockAdjustment(sku: "A", delta: -quantity, reason: .damaged), once: nil).value
      }
      let problem = await #expect(throws: Problem.self) { _ = try await take(6) }
      #expect(problem?.status == 409 && problem?.code == "stock_in_use")
      #expect(problem?.extensions["on_hand"] == .integer(10))
      #expect(problem?.extensions["reserved"] == .integer(2))
      #expect(problem?.extensions["allocated"] == .integer(3))
      #expect(try await take(5).available == 0)
      // What has expired is free for this, too.
      fixture.clock.advance(60)
      let rest = try await take(2)
      #expect((rest.onHand, rest.reserved, rest.allocated) == (3, 0, 3))
      #expect(try await fixture.events(of: held.id.lowercased) == ["reserved", "expired"])
      await #expect(throws: Problem.self) { _ = try await take(1) }
      await #expect(throws: Problem.self) {
        _ = try await items.adjust(StockAdjustment(sku: "NEW", delta: -1, reason: .lost), once: nil)
      }
      #expect(try await items.list(StockItemQuery()).items.map(\.sku) == ["A"])
    }
  }

  @Test("an absolute set takes effect only when the caller knew what was there", arguments: Engine.available)
  func compareAndSwap(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      let items = fixture.service.items
      func set(_ onHand: Int64, from expected: Int64, incoming: Int64? = nil) async throws -> StockItem {
        try await items.set(
          StockLevelChange(sku: "A", location: "main", onHand: onHand, expected: expected, incoming: incoming))
      }
      #expect(try await set(5, from: 0, incoming: 7).incoming == 7)
      let problem = await #expect(throws: Problem.self) { _ = try await set(9, from: 4) }
      #expect(problem?.status == 409 && problem?.code == "level_changed")
      #expect(problem?.extensions["on_hand"] == .integer(5))
      _ = try await fixture.reserve([("A", 2)])
      let below = await #expect(throws: Problem.self) { _ = try await set(1, from: 5) }
      #expect(below?.code == "stock_in_use")
      // Of those who all saw five, one wins.
      let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<20 {
          group.addTask {
            do {
              _ = try await set(Int64(10 + number), from: 5)
              return true
            } catch let problem as Problem {
              #expect(problem.code == "level_changed")
              return false
            }
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(wins == 1)
      let item = try await fixture.item("A")
      #expect(item.onHand >= 10 && item.reserved == 2 && item.incoming == 7)
      // What is set to what it is has not moved.
      let count = try await items.movements(StockMovementQuery(sku: "A")).items.count
      _ = try await set(item.onHand, from: item.onHand)
      #expect(try await items.movements(StockMovementQuery(sku: "A")).items.count == count)
    }
  }

  @Test("low, out of stock and back in stock are told once each, however the item dithers", arguments: Engine.available)
  func hysteresis(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      let items = fixture.service.items
      _ = try await items.create(NewStockItem(sku: "A", lowThreshold: 3, restockThreshold: 6), once: nil)
      func move(_ delta: Int64) async throws -> StockItem {
        try await items.adjust(StockAdjustment(sku: "A", delta: delta, reason: .correction), once: nil).value
      }
      // Each step with what is available after it, what it is called, and what is told.
      let steps: [(Int64, StockItem.Status, [String])] = [
        (5, .outOfStock, []), (1, .inStock, ["back_in_stock"]), (-2, .inStock, []), (-1, .low, ["low"]),
        (1, .low, []), (-1, .low, []), (2, .low, []), (1, .inStock, []), (-4, .low, ["low"]),
        (-2, .outOfStock, ["out_of_stock"]), (1, .outOfStock, []), (-1, .outOfStock, []), (3, .outOfStock, []),
        (3, .inStock, ["back_in_stock"]), (-6, .outOfStock, ["out_of_stock"]),
      ]
      var told: [String] = []
      for (index, (delta, status, events)) in steps.enumerated() {
        #expect(try await move(delta).status == .known(status), "step \(index)")
        told += events
        #expect(try await fixture.events(of: "A") == told, "step \(index)")
      }
      // Reservations move it as well, and changed thresholds are looked at at once.
      _ = try await move(7)
      _ = try await fixture.reserve([("A", 4)])
      #expect(try await fixture.events(of: "A") == told + ["back_in_stock", "low"])
      #expect(
        try await items.update(StockItemUpdate(sku: "A", lowThreshold: 1, restockThreshold: 2)).status
          == .known(.inStock))
    }
  }

  @Test("thresholds decide alike from every state")
  func thresholds() {
    let thresholds = Thresholds(low: 2, restock: 4)
    let states = StockItem.Status.allCases
    for state in states {
      #expect(thresholds.status(after: state, available: 0) == .outOfStock)
      #expect(thresholds.status(after: state, available: 4) == .inStock)
      #expect(thresholds.status(after: state, available: 3) == state)
      #expect(thresholds.status(after: state, available: 2) == (state == .inStock ? .low : state))
    }
    // Without a low threshold nothing is ever low.
    #expect(Thresholds(low: 0, restock: 1).status(after: .outOfStock, available: 1) == .inStock)
  }

  @Test(
    "a reservation takes from one place if one has it all, by priority, and splits only when it must",
    arguments: Engine.available)
  func sourcing(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      for (code, priority) in [("east", Int64(10)), ("west", Int64(5))] {
        _ = try await fixture.service.locations.create(
          NewStockLocation(code: code, name: code, priority: priority), once: nil)
      }
      for (location, quantity) in [("main", Int64(2)), ("west", Int64(4)), ("east", Int64(6))] {
        try await fixture.receive("A", quantity, at: location)
      }
      try await fixture.receive("B", 1, at: "east")
      func sources(_ lines: [(String, Int64)]) async throws -> [String] {
        let reservation = try await fixture.reserve(lines)
        _ = try await fixture.service.reservations.release(reservation.id)
        return reservation.lines.flatMap { line in line.sources.map { "\(line.sku) \($0.quantity) \($0.location)" } }
      }
      #expect(try await fixture.item("A").levels.map(\.location) == ["main", "west", "east"])
      #expect(try await sources([("A", 2)]) == ["A 2 main"])
      #expect(try await sources([("A", 3)]) == ["A 3 west"])
      #expect(try await sources([("A", 7)]) == ["A 2 main", "A 4 west", "A 1 east"])
      // One parcel before priority.
      #expect(try await sources([("A", 1), ("B", 1)]) == ["A 1 east", "B 1 east"])
      #expect(try await sources([("A", 12)]) == ["A 2 main", "A 4 west", "A 6 east"])
      #expect(try await Verdict.of { try await fixture.reserve([("A", 13)]) } == .refused("insufficient_stock"))
    }
  }

  @Test("movements are listed latest first, page by page, while others are written", arguments: Engine.available)
  func movements(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      for number in 1...25 {
        try await fixture.receive("A", Int64(number))
        if number % 3 == 0 { fixture.clock.advance(0.000_001) }
      }
      try await fixture.receive("B", 1)
      var (seen, cursor) = ([Int64](), Cursor?.none)
      repeat {
        let page = try await fixture.service.items.movements(StockMovementQuery(sku: "A", limit: 10, cursor: cursor))
        seen += page.items.map(\.delta)
        cursor = page.nextCursor
        try await fixture.receive("A", 1_000)
      } while cursor != nil
      #expect(seen == (1...25).reversed().map(Int64.init))
    }
  }
}
