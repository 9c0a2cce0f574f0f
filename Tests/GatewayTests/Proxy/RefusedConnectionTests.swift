import CoreMetrics
import GravityTelemetry
import Patience
import Testing

@testable import Gateway

@Suite("Connections that are too many") struct RefusedConnectionTests {
  @Test("each is counted, and the log says so once a second with how many there were")
  func told() {
    let (metrics, log) = (KeptMetrics(), KeptLog())
    let refused = RefusedConnections(
      Counter(label: "refused", dimensions: [], factory: metrics), limit: 3, log.logger)
    let second: Int64 = 1_000_000_000
    for number in 0..<10 { refused.note(now: -5 * second + Int64(number)) }
    #expect(metrics.value("refused") == 10)
    #expect(log.count("connections are closed at once") == 1)
    #expect(log.count("\"gravity.connections.refused\": 1") == 1)
    refused.note(now: -4 * second)
    #expect(metrics.value("refused") == 11)
    #expect(log.count("connections are closed at once") == 2)
    #expect(log.count("\"gravity.connections.refused\": 10") == 1)
  }

  @Test("a gateway whose loops have as many as they take closes what comes, counts it, and takes others later")
  func running() async throws {
    let (metrics, log) = (KeptMetrics(), KeptLog())
    try await RunningGateway.run(
      [], logger: log.logger, metrics: metrics, configure: { $0.limits.clientConnectionsPerLoop = 1 }
    ) { gateway in
      var clients: [RawClient] = []
      while metrics.value("gateway.connections.refused") == 0, clients.count < 1_000 {
        clients.append(try await gateway.connect())
      }
      try await eventually("it is counted") { metrics.value("gateway.connections.refused") > 0 }
      #expect(log.count("connections are closed at once") > 0)
      for client in clients { await client.close() }
      try await eventually("others are taken") {
        (try? await gateway.get("/health/live"))?.status == 200
      }
    }
  }
}
