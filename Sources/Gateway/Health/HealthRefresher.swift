import CoreMetrics
import Foundation
import GravityDiscovery
import NIOCore

/// Looks at every instance again and again, so that `/health` is answered from memory and no crowd of askers becomes
/// a crowd at the services.
struct HealthRefresher: Sendable {
  let state: GatewayState
  let board: HealthBoard
  let group: any EventLoopGroup
  /// How often it looks in quick succession before it was ever ready: for about five seconds.
  private static let startingRounds = 100

  /// Until the task is cancelled.
  func run() async {
    var gauges: [String: Gauge] = [:]
    var starting = Self.startingRounds
    while !Task.isCancelled {
      await round()
      publishBreakers(&gauges)
      // Services start beside the gateway: who comes a moment later is not to wait for a whole interval.
      starting = board.isReady ? 0 : max(0, starting - 1)
      let interval = state.configuration.health.interval
      try? await Task.sleep(for: starting > 0 ? min(interval, .milliseconds(50)) : interval)
    }
  }

  private func round() async {
    let settings = state.configuration.health
    let services = state.directory.services
    var findings: [String: [HealthBoard.Finding]] = [:]
    await withTaskGroup(of: (String, HealthBoard.Finding).self) { tasks in
      for (index, service) in services.enumerated() {
        findings[service] = []
        for shared in state.directory.instances(of: index) {
          tasks.addTask {
            let clock = ContinuousClock()
            let start = clock.now
            let isUp = await HealthProbe.isUp(shared, path: settings.path, timeout: settings.timeout, on: group)
            shared.noteHealth(isUp, now: state.now())
            let instance = shared.instance
            return (
              service,
              HealthBoard.Finding(
                id: instance.id, address: "\(instance.host):\(instance.port)", isUp: isUp,
                latencyMilliseconds: Double((clock.now - start).nanoseconds) / 1e6)
            )
          }
        }
      }
      for await (service, finding) in tasks { findings[service, default: []].append(finding) }
    }
    guard !Task.isCancelled else { return }
    board.update(findings.mapValues { $0.sorted { $0.id < $1.id } }, at: Date())
  }

  private func publishBreakers(_ gauges: inout [String: Gauge]) {
    for (index, service) in state.directory.services.enumerated() {
      for shared in state.directory.instances(of: index) {
        let id = shared.instance.id
        let gauge = gauges[id] ?? state.metrics.breakerState(service: service, instance: id)
        gauges[id] = gauge
        switch shared.breaker.phase {
        case .closed: gauge.record(0)
        case .halfOpen: gauge.record(1)
        case .open: gauge.record(2)
        }
      }
    }
  }
}
