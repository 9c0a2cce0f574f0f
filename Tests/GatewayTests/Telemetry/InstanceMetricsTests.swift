import GravityDiscovery
import GravityTelemetry
import Patience
import Testing

@testable import Gateway

/// Series of instances, which come and go.
@Suite("Metrics of instances") struct InstanceMetricsTests {
  private let prometheus = PrometheusMetrics()

  private func lines(_ name: String) -> [String] {
    prometheus.text().split(separator: "\n").filter { $0.hasPrefix(name) }.map(String.init)
  }

  @Test("services that share an instance have each a series of it, and one that is gone has none")
  func shared() {
    var metrics = EjectionMetrics(GatewayMetrics(factory: prometheus))
    let breaker = BreakerSettings()
    let (one, other) = (
      UpstreamInstance(ServedSet.instance("1"), breaker), UpstreamInstance(ServedSet.instance("1"), breaker)
    )
    // Of one of the two services, a route that the instance does not answer.
    for _ in 0..<5 { one.record(.answered(status: 503), route: 7, now: 0, random: 0.5) }
    metrics.publish(0, [one], service: "a")
    metrics.publish(1, [other], service: "b")
    metrics.forgetOthers()
    #expect(
      lines("gateway_breaker_routes") == [
        "gateway_breaker_routes{gravity_service=\"a\",gravity_instance=\"1\"} \(one.routes.openCount)",
        "gateway_breaker_routes{gravity_service=\"b\",gravity_instance=\"1\"} 0",
      ])
    #expect(one.routes.openCount == 1)
    metrics.publish(0, [], service: "a")
    metrics.publish(1, [other], service: "b")
    metrics.forgetOthers()
    #expect(
      lines("gateway_breaker_routes") == [
        "gateway_breaker_routes{gravity_service=\"b\",gravity_instance=\"1\"} 0"
      ])
    metrics.publish(1, [other], service: "b")
    metrics.forgetOthers()
    #expect(lines("gateway_ejected{") == ["gateway_ejected{gravity_service=\"b\"} 1"])
  }

  @Test("a gateway says of an instance that left nothing any more")
  func departed() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok("good") }
    try await RunningGateway.run(
      [upstream], metrics: prometheus,
      configure: {
        $0.health.interval = .milliseconds(20)
        $0.ejection.interval = .milliseconds(20)
      }
    ) { [prometheus] gateway in
      func isTold(_ name: String) -> Bool {
        prometheus.text().contains("\(name){gravity_service=\"items\",gravity_inst")
      }
      try await eventually("it is told") { isTold("gateway_breaker_state") && isTold("gateway_breaker_routes") }
      gateway.registry.deregister(id: "items-1")
      try await eventually("it is told no more") {
        !isTold("gateway_breaker_state") && !isTold("gateway_breaker_routes")
      }
    }
  }
}
