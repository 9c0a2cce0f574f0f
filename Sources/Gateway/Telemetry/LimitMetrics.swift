package import CoreMetrics

/// Metrics of limits that gateways share.
package struct LimitMetrics: Sendable {
  /// Who decided about a request.
  enum Source: String, CaseIterable, Sendable {
    /// A lease held here.
    case lease
    /// What the store had said: the bucket is empty until then.
    case remembered
    /// The store, which the request waited for.
    case store
    /// This gateway's share, while the store is away.
    case share
  }

  private let decisions: [Source: Counter]
  /// Calls of the store, each for many callers.
  let calls: Counter
  /// Calls that failed or took too long.
  let errors: Counter
  let callDuration: Timer
  /// Requests leased, and leased ones that were given up.
  let leased: Counter
  private let lost: Counter
  /// 1 while the store answers, 0 while it is away.
  let isAnswering: Gauge
  let gateways: Gauge

  package init(factory: any MetricsFactory) {
    decisions = Dictionary(
      uniqueKeysWithValues: Source.allCases.map {
        (
          $0,
          Counter(
            label: "gateway.limit.decisions", dimensions: [("gravity.limit.source", $0.rawValue)], factory: factory)
        )
      })
    calls = Counter(label: "gateway.limit.store.calls", dimensions: [], factory: factory)
    errors = Counter(label: "gateway.limit.store.errors", dimensions: [], factory: factory)
    callDuration = Timer(
      label: "gateway.limit.store.duration", dimensions: [], preferredDisplayUnit: .seconds, factory: factory)
    leased = Counter(label: "gateway.limit.leased", dimensions: [], factory: factory)
    lost = Counter(label: "gateway.limit.lost", dimensions: [], factory: factory)
    isAnswering = Gauge(label: "gateway.limit.store.answering", dimensions: [], factory: factory)
    gateways = Gauge(label: "gateway.limit.gateways", dimensions: [], factory: factory)
  }

  func decided(_ source: Source, _ count: Int = 1) { decisions[source]?.increment(by: count) }

  /// Adds what the table counted.
  func report(_ counts: LeaseTable.Counts) {
    if counts.leased > 0 { decided(.lease, counts.leased) }
    if counts.remembered > 0 { decided(.remembered, counts.remembered) }
    if counts.lost > 0 { lost.increment(by: counts.lost) }
  }
}
