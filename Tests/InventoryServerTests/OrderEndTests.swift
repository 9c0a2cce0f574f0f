import Foundation
import GravityContracts
import GravityData
import GravityEvents
import InventoryAPI
import OrderAPI
import Patience
import ServiceLifecycle
import Testbed
import Testing
@testable import InventoryServer

@Suite("What is told of orders")
struct OrderEndTests {
  @Test(
    "a canceled order's stock is available again, and its reservation is refused from then on",
    arguments: Engine.available)
  func canceled(_ engine: Engine) async throws {
    try await engine.withDatabase(DatabaseBroker.migrations) { queues in
      let broker = DatabaseBroker(database: queues, logger: .silent)
      try await InventoryFixture.run(on: engine) { try await cancel(orders: $0, broker) }
    }
  }

  private func cancel(orders fixture: InventoryFixture, _ broker: DatabaseBroker) async throws {
    try await fixture.receive("A", 10)
    let (held, sold, gone, unseen) = (UUID.v7(), UUID.v7(), UUID.v7(), UUID.v7())
    for id in [held, sold, gone] { _ = try await fixture.reserve([("A", 2)], id: id) }
    _ = try await fixture.service.reservations.commit(sold)
    _ = try await fixture.service.reservations.release(gone)
    let consumer = EventConsumer(
      service: "inventory", family: "order", handlers: fixture.service.orderEvents, database: fixture.database,
      broker: broker, logger: .silent)
    let relay = OutboxRelay(database: fixture.database, broker: broker, logger: .silent)
    let running = Task {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await broker.run() }
        group.addTask { try await consumer.run() }
        group.addTask { try await relay.run() }
        try await group.waitForAll()
      }
    }
    try await eventually("the queue is there") { try await broker.depth(of: "inventory.order") != nil }
    let orders = Outbox(service: "order")
    try await fixture.database.write { transaction in
      for id in [held, sold, gone, unseen] {
        try orders.append(
          OrderEvents.orderCanceled, subject: id.lowercased, OrderEvent(orderID: id, userID: .v7()), in: transaction)
      }
    }
    try await eventually("every reservation is closed") {
      let ids = [held, sold, gone, unseen]
      return try await fixture.database.rows(
        "SELECT id FROM reservations WHERE id IN \(list: ids) AND state IN ('returned', 'released')"
      ).count == 4
    }
    running.cancel()
    _ = await running.result
    #expect(try await fixture.item("A").available == 10)
    #expect(
      try await Verdict.of { try await fixture.reserve([("A", 1)], id: unseen) } == .refused("reservation_closed"))
  }
}
