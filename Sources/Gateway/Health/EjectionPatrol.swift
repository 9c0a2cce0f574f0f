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
      metrics.forgetOthers()
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
