import CoreMetrics

/// Metrics of the blacklist where it has a store.
struct BlacklistMetrics: Sendable {
  /// Questions that were answered, by what the answer was.
  let accepted, revoked, unseeded: Counter
  /// Questions that failed or took too long.
  let errors: Counter
  /// Requests of which neither the feed nor the store could say anything, by what became of them.
  let denied, allowed: Counter

  init(factory: any MetricsFactory) {
    func answers(_ answer: String) -> Counter {
      Counter(label: "gateway.blacklist.answers", dimensions: [("gravity.blacklist.answer", answer)], factory: factory)
    }
    func unknown(_ policy: String) -> Counter {
      Counter(label: "gateway.blacklist.unknown", dimensions: [("gravity.blacklist.policy", policy)], factory: factory)
    }
    (accepted, revoked, unseeded) = (answers("accepted"), answers("revoked"), answers("unknown"))
    errors = Counter(label: "gateway.blacklist.errors", dimensions: [], factory: factory)
    (denied, allowed) = (unknown("deny"), unknown("allow"))
  }
}
