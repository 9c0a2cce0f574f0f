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

  /// What was found of a service, and when it is to be looked at again.
  private struct Look {
    var findings: [HealthBoard.Finding]
    /// Nanoseconds of the monotonic clock.
    var next: Int64
  }

  /// Until the task is cancelled.
  func run() async {
    var gauges: [String: Gauge] = [:]
    var looks: [String: Look] = [:]
    var starting = Self.startingRounds
    while !Task.isCancelled {
      let listings = state.directory.listings
      await round(listings, &looks)
      publishBreakers(listings, &gauges)
      // Services start beside the gateway: who comes a moment later is not to wait for a whole interval.
      starting = board.isReady ? 0 : max(0, starting - 1)
      let interval = listings.map { settings($0.health).interval }.min() ?? state.configuration.health.interval
      let pause = min(interval, state.configuration.health.interval)
      try? await Task.sleep(for: starting > 0 ? min(pause, .milliseconds(50)) : pause)
    }
  }

  /// The path is nil where nobody is asked.
  private func settings(_ health: ServiceHealth) -> (path: String?, interval: Duration) {
    switch health {
    case .standard: (state.configuration.health.path, state.configuration.health.interval)
    case .passive: (nil, state.configuration.health.interval)
    case .probe(let path, let interval): (path, interval)
    }
  }

  private func round(_ listings: [UpstreamDirectory.Listing], _ looks: inout [String: Look]) async {
    let now = state.now()
    let isStarting = !board.isReady
    // One that was looked at a moment too early is not put off for a whole round.
    let due = listings.filter { listing in
      guard let look = looks[listing.service] else { return true }
      let known = Set(look.findings.map(\.id))
      return isStarting || look.next - 5_000_000 <= now
        || listing.instances.contains { !known.contains($0.instance.id) }
    }
    var findings: [String: [HealthBoard.Finding]] = [:]
    await withTaskGroup(of: (String, HealthBoard.Finding).self) { tasks in
      for listing in due {
        findings[listing.service] = []
        let path = settings(listing.health).path
        for shared in listing.instances {
          guard let path else {
            findings[listing.service]?.append(Self.passive(shared))
            continue
          }
          tasks.addTask { (listing.service, await look(at: shared, path)) }
        }
      }
      for await (service, finding) in tasks { findings[service, default: []].append(finding) }
    }
    guard !Task.isCancelled else { return }
    for listing in due {
      looks[listing.service] = Look(
        findings: (findings[listing.service] ?? []).sorted { $0.id < $1.id },
        next: now + settings(listing.health).interval.nanoseconds)
    }
    let services = Set(listings.map(\.service))
    looks = looks.filter { services.contains($0.key) }
    board.update(looks.mapValues(\.findings), at: Date())
  }

  private func look(at shared: UpstreamInstance, _ path: String) async -> HealthBoard.Finding {
    let clock = ContinuousClock()
    let start = clock.now
    let isUp = await HealthProbe.isUp(shared, path: path, timeout: state.configuration.health.timeout, on: group)
    shared.noteHealth(isUp, now: state.now())
    return HealthBoard.Finding(
      id: shared.instance.id, address: shared.instance.authority, isUp: isUp,
      latencyMilliseconds: Double((clock.now - start).nanoseconds) / 1e6)
  }

  /// Nobody asks it; what is known is what became of requests.
  private static func passive(_ shared: UpstreamInstance) -> HealthBoard.Finding {
    var isOpen = false
    if case .open = shared.breaker.phase { isOpen = true }
    return HealthBoard.Finding(
      id: shared.instance.id, address: shared.instance.authority, isUp: !isOpen, latencyMilliseconds: 0)
  }

  private func publishBreakers(_ listings: [UpstreamDirectory.Listing], _ gauges: inout [String: Gauge]) {
    var current: [String: Gauge] = [:]
    for listing in listings {
      for shared in listing.instances {
        let id = shared.instance.id
        let key = "\(listing.service)\n\(id)"
        let gauge = gauges[key] ?? state.metrics.breakerState(service: listing.service, instance: id)
        current[key] = gauge
        switch shared.breaker.phase {
        case .closed: gauge.record(0)
        case .halfOpen: gauge.record(1)
        case .open: gauge.record(2)
        }
      }
    }
    for (key, gauge) in gauges where current[key] == nil { gauge.destroy() }
    gauges = current
  }
}

extension ServiceInstance {
  var authority: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}
