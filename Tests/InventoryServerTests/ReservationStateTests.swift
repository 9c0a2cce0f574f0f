import Foundation
import GravityContracts
import InventoryAPI
import Testbed
import Testing
@testable import InventoryServer

@Suite("What can be done with a reservation in each state")
struct ReservationStateTests {
  enum Start: String, CaseIterable, Sendable { case none, active, due, committed, released, expired, returned }
  enum Operation: String, CaseIterable, Sendable { case create, createOther, commit, extend, release, takeBack }

  static let table: [Start: [Operation: Verdict]] = [
    .none: [
      .create: .ok(.active), .createOther: .ok(.active), .commit: .refused("not_found"),
      .extend: .refused("not_found"), .release: .ok(.released), .takeBack: .ok(.returned),
    ],
    .active: [
      .create: .ok(.active), .createOther: .refused("reservation_conflict"), .commit: .ok(.committed),
      .extend: .ok(.active), .release: .ok(.released), .takeBack: .ok(.returned),
    ],
    .due: closed(.expired),
    .committed: [
      .create: .ok(.committed), .createOther: .refused("reservation_conflict"), .commit: .ok(.committed),
      .extend: .refused("reservation_closed"), .release: .refused("reservation_closed"), .takeBack: .ok(.returned),
    ],
    .released: closed(.released), .expired: closed(.expired), .returned: closed(.returned),
  ]

  private static func closed(_ state: StockReservation.State) -> [Operation: Verdict] {
    [
      .create: .refused("reservation_closed"), .createOther: .refused("reservation_closed"),
      .commit: .refused("reservation_closed"), .extend: .refused("reservation_closed"), .release: .ok(state),
      .takeBack: .ok(state),
    ]
  }

  @Test(
    "every operation in every state ends as the table says, and again when it is done twice",
    arguments: Engine.available)
  func everyPair(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      for start in Start.allCases {
        for operation in Operation.allCases {
          let sku = "\(start.rawValue)-\(operation.rawValue)"
          try await fixture.receive(sku, 10)
          let id = UUID.v7()
          try await arrive(at: start, id, sku, fixture)
          let expected = try #require(Self.table[start]?[operation])
          let first = try await run(operation, id, sku, fixture)
          #expect(first == expected, "\(operation) when \(start)")
          let before = try await fixture.item(sku)
          // What came to be is the same now; and a second create of another content is a conflict by then.
          let again = try await run(operation, id, sku, fixture)
          #expect(again == expected, "\(operation) again when \(start)")
          let after = try await fixture.item(sku)
          #expect(before == after, "\(operation) again when \(start) changed something")
          #expect(after.available >= 0 && after.onHand == 10)
        }
      }
    }
  }

  private func arrive(at start: Start, _ id: UUID, _ sku: String, _ fixture: InventoryFixture) async throws {
    if start == .none { return }
    _ = try await fixture.reserve([(sku, 2)], id: id, ttl: 60)
    switch start {
    case .none, .active: break
    case .due: fixture.clock.advance(60)
    case .committed: _ = try await fixture.service.reservations.commit(id)
    case .released: _ = try await fixture.service.reservations.release(id)
    case .expired:
      fixture.clock.advance(60)
      while try await fixture.service.reservations.expireDue() > 0 {}
    case .returned:
      _ = try await fixture.service.reservations.commit(id)
      _ = try await fixture.service.reservations.takeBack(id)
    }
  }

  private func run(
    _ operation: Operation, _ id: UUID, _ sku: String, _ fixture: InventoryFixture
  ) async throws -> Verdict {
    try await Verdict.of {
      let reservations = fixture.service.reservations
      return switch operation {
      case .create: try await fixture.reserve([(sku, 1), (sku, 1)], id: id, ttl: 60)
      case .createOther: try await fixture.reserve([(sku, 3)], id: id, ttl: 60)
      case .commit: try await reservations.commit(id)
      case .extend: try await reservations.extend(StockReservationExtension(id: id, ttlSeconds: 90))
      case .release: try await reservations.release(id)
      case .takeBack: try await reservations.takeBack(id)
      }
    }
  }

  @Test("quantities and events follow a reservation through its life", arguments: Engine.available)
  func life(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 10)
      let reservation = try await fixture.reserve([("A", 4)])
      let id = reservation.id
      #expect(reservation.lines == [.init(sku: "A", quantity: 4, sources: [.init(location: "main", quantity: 4)])])
      func quantities() async throws -> [Int64] {
        let item = try await fixture.item("A")
        return [item.onHand, item.reserved, item.allocated, item.available]
      }
      #expect(try await quantities() == [10, 4, 0, 6])
      let committed = try await fixture.service.reservations.commit(id)
      #expect(committed.version == 2 && committed.closedAt == fixture.clock.now)
      #expect(try await quantities() == [10, 0, 4, 6])
      _ = try await fixture.service.reservations.takeBack(id)
      #expect(try await quantities() == [10, 0, 0, 10])
      #expect(try await fixture.events(of: id.lowercased) == ["reserved", "committed", "returned"])
      let other = try await fixture.reserve([("A", 1)])
      _ = try await fixture.service.reservations.release(other.id)
      #expect(try await fixture.events(of: other.id.lowercased) == ["reserved", "released"])
      #expect(try await quantities() == [10, 0, 0, 10])
      let movements = try await fixture.service.items.movements(StockMovementQuery(sku: "A")).items
      #expect(
        movements.map(\.reason.rawValue) == [
          "released", "reserved", "uncommitted", "committed", "reserved", "received",
        ])
      #expect(movements.map(\.number) == [6, 5, 4, 3, 2, 1])
      #expect(movements[2].reference == id.lowercased && movements[2].allocatedDelta == -4)
    }
  }

  @Test(
    "a release that comes before its delayed reserve wins, also when they come together", arguments: Engine.available)
  func releaseBeforeReserve(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 1_000)
      let id = UUID.v7()
      #expect(try await fixture.service.reservations.release(id).lines.isEmpty)
      await #expect {
        _ = try await fixture.reserve([("A", 1)], id: id)
      } throws: { error in
        let problem = error as? Problem
        return problem?.status == 409 && problem?.code == "reservation_closed"
          && problem?.extensions["state"] == .string("released")
      }
      #expect(try await fixture.item("A").available == 1_000)
      // Whichever of the two is first, nothing is held in the end.
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<50 {
          let id = UUID.v7()
          group.addTask { _ = try await Verdict.of { try await fixture.reserve([("A", 1)], id: id) } }
          group.addTask { _ = try await fixture.service.reservations.release(id) }
        }
        try await group.waitForAll()
      }
      #expect(try await fixture.item("A").available == 1_000)
    }
  }

  @Test("fifty callers who reserve under one id reserve once", arguments: Engine.available)
  func sameID(_ engine: Engine) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      try await fixture.receive("A", 100)
      let id = UUID.v7()
      try await withThrowingTaskGroup(of: StockReservation.self) { group in
        for _ in 0..<50 { group.addTask { try await fixture.reserve([("A", 2)], id: id) } }
        for try await reservation in group { #expect(reservation.id == id && reservation.version == 1) }
      }
      #expect(try await fixture.item("A").reserved == 2)
      #expect(try await fixture.events(of: id.lowercased) == ["reserved"])
    }
  }
}
