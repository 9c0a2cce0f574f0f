import Foundation
import GravityEvents
import Patience
import RabbitMQEngine
import TestServers
import Testing

@Suite(
  "RabbitMQ's last resort", .timeLimit(.minutes(5)),
  .enabled(if: TestServer.url != nil, "GRAVITY_TEST_AMQP_URL is not set"))
struct DeadLetterTests {
  @Test("a message that comes back more than a hundred times is put aside, not dropped")
  func deliveryLimit() async throws {
    let load = Load()
    var configuration = RabbitMQBroker.Configuration()
    configuration.deadLetterExchange = "\(load.family).dead"
    let running = try Running(url: TestServer.url!, configuration)
    try await running.isReady()
    let subscription = running.broker.subscribe(to: load.queue, prefetch: 10)
    try await eventually("the queue is there") { try await running.broker.depth(of: load.queue.name) != nil }
    let message = load.message()
    #expect(try await running.broker.publish([message]).count == 1)
    for n in 0...100 {
      let deliveries = try await subscription.next(atMost: 1)
      #expect(deliveries.map(\.message) == [message])
      #expect(deliveries.allSatisfy { $0.isRedelivered == (n > 0) })
      await subscription.giveBack(deliveries)
    }
    try await eventually("it was put aside") { try await running.broker.depth(of: "\(load.family).dead") == 1 }
    try await eventually("it has left its queue") { try await running.broker.depth(of: load.queue.name) == 0 }
    await running.end()
  }
}
