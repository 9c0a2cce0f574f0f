import CoreMetrics
import GravityDiscovery
import Logging

/// Judges every service's instances again and again, and says what came of it.
struct EjectionPatrol: Sendable {
  let state: GatewayState

  /// Until the task is cancelled.
  func run() async {
    let settings = state.configuration.ejection
    var judges: [String: EjectionJudge] = [:]
    var metrics = EjectionMetrics(state.metrics)
    while !Task.isCancelled {
      try? await Task.sleep(for: max(settings.interval, .milliseconds(10)))
      guard !Task.isCancelled else { return }
      let now = state.now()
      let listings = state.directory.listings
      for listing in listings {
        let (service, set) = (listing.service, listing.instances)
        for instance in set { instance.routes.forget(now: now) }
        var judge = judges[service] ?? EjectionJudge(settings)
        if settings.isOn { for change in judge.judge(set, now: now) { say(change, service, &metrics) } }
        judges[service] = judge
        metrics.publish(judge.ejectedCount, set, service: service)
      }
      // Of services that no route leads to any more nothing is kept.
      if judges.count > listings.count {
        let known = Set(listings.map(\.service))
        judges = judges.filter { known.contains($0.key) }
      }
    }
  }

  private func say(_ change: EjectionJudge.Change, _ service: String, _ metrics: inout EjectionMetrics) {
    switch change {
    case .ejected(let instance, let rate, let others, let nanoseconds):
      metrics.ejected(service)
      state.logger.warning(
        "an instance fails while others succeed, and gets no requests for a while",
        metadata: [
          "service": "\(service)", "instance": "\(instance.instance.id)", "success": "\(Self.percent(rate))",
          "others": "\(Self.percent(others))", "seconds": "\(nanoseconds / 1_000_000_000)",
        ])
    case .returned(let instance):
      state.logger.notice(
        "an instance that was left out gets requests again",
        metadata: ["service": "\(service)", "instance": "\(instance.instance.id)"])
    }
  }

  private static func percent(_ rate: Double) -> String { "\(Int((rate * 100).rounded())) %" }
}

/// Handles by service and instance, made when they are first wanted.
struct EjectionMetrics {
  private let metrics: GatewayMetrics
  private var counters: [String: Counter] = [:]
  private var gauges: [String: Gauge] = [:]
  private var routes: [String: Gauge] = [:]

  init(_ metrics: GatewayMetrics) { self.metrics = metrics }

  mutating func ejected(_ service: String) {
    let counter = counters[service] ?? metrics.ejections(service: service)
    counters[service] = counter
    counter.increment()
  }

  mutating func publish(_ count: Int, _ set: [UpstreamInstance], service: String) {
    let gauge = gauges[service] ?? metrics.ejected(service: service)
    gauges[service] = gauge
    gauge.record(count)
    for instance in set {
      let id = instance.instance.id
      let gauge = routes[id] ?? metrics.openRoutes(service: service, instance: id)
      routes[id] = gauge
      gauge.record(instance.routes.openCount)
    }
  }
}
