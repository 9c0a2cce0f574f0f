import Foundation
import GravityContracts
import GravityData
import NotificationAPI
import OrderAPI
import Patience
import ServiceLifecycle
import Synchronization
import Testbed
import Testing
@testable import NotificationServer

@Suite(.timeLimit(.minutes(5))) struct WebhookShareTests {
  /// Answers nobody until it is opened.
  private final class BlackHole: Sendable {
    private let state = Mutex((isOpen: false, waiting: [CheckedContinuation<Void, Never>]()))
    var waiting: Int { state.withLock { $0.waiting.count } }

    func wait() async {
      await withCheckedContinuation { continuation in
        let isOpen = state.withLock { state in
          if !state.isOpen { state.waiting.append(continuation) }
          return state.isOpen
        }
        if isOpen { continuation.resume() }
      }
    }

    func open() {
      let waiting = state.withLock { state in
        defer { state = (true, []) }
        return state.waiting
      }
      for continuation in waiting { continuation.resume() }
    }
  }

  @Test("a webhook that takes everything and answers nothing leaves room for the others", arguments: Engine.available)
  func blackHole(_ engine: Engine) async throws {
    try await NotificationFixture.run(on: engine) { notes in
      let hole = BlackHole()
      notes.outgoing.answer { request in
        if request.url.host() == "hole.example.com" { await hole.wait() }
        return .reply(status: 204, body: [])
      }
      let slow = try await WebhookTests.make(notes, ["order.paid.v1"], url: "https://hole.example.com/hook")
      let quick = try await WebhookTests.make(notes, ["order.placed.v1"])
      for _ in 0..<60 {
        try await notes.tellWebhooks(OrderEvents.orderPaid, OrderEvent(orderID: .v7(), userID: .v7()))
      }
      let group = ServiceGroup(services: [notes.service.tasks], logger: .silent)
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        do {
          try await eventually("it has its share") { hole.waiting == 8 }
          // Whatever was claimed with these, or before, is under way when they have arrived.
          for _ in 0..<3 {
            let count = notes.outgoing.requests.count
            try await notes.tellWebhooks(OrderEvents.orderPlaced, OrderEvent(orderID: .v7(), userID: .v7()))
            try await eventually("the other is told") { notes.outgoing.requests.count > count }
            let claimed = try await notes.count(
              "webhook_deliveries WHERE webhook_id = \(slow.id) AND state = 'sending'")
            #expect(claimed == 8)
          }
          hole.open()
          try await eventually("all are told in the end") {
            try await notes.count("webhook_deliveries WHERE state = 'delivered'") == 63
          }
        } catch {
          hole.open()
          await group.triggerGracefulShutdown()
          throw error
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
      }
      #expect(try await WebhookTests.deliveries(notes, quick).count == 3)
    }
  }
}
