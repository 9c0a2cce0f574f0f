import BrokerConformance
import Foundation
import GravityEvents
import RabbitMQEngine
import Testing

@Suite("RabbitMQ as an EventBroker", .enabled(if: TestServer.url != nil, "GRAVITY_TEST_AMQP_URL is not set"))
struct RabbitMQConformanceTests {
  @Test("conforms", arguments: ConformanceCase.all)
  func conforms(_ conformance: ConformanceCase) async throws {
    try await conformance.run(on: .rabbitMQ)
  }
}

/// The server that `scripts/servers` has started.
enum TestServer {
  static let url = ProcessInfo.processInfo.environment["GRAVITY_TEST_AMQP_URL"]
}

extension EngineUnderTest {
  /// The cases' own names keep them apart; the server is thrown away with its queues.
  static let rabbitMQ = EngineUnderTest {
    Place(open: { try RabbitMQBroker(url: TestServer.url!) }, remove: {})
  }
}
