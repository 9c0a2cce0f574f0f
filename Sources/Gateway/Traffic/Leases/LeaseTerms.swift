import GravityLimits

/// How requests of one policy are leased from the store.
struct LeaseTerms: Sendable {
  let shared: SharedLimit
  /// Nanoseconds that one request stands for.
  let interval: Int64
  /// Nanoseconds for which a lease is good at most: a quarter of the window, and no longer than configured. 0 where the
  /// store is asked for every request.
  let life: Int64
  /// Nanoseconds for which a lease shall do, so that it is renewed some times in its life.
  var horizon: Int64 { life / 4 }
  var asksEachTime: Bool { life == 0 }

  /// A lease of a small limit would be a good part of it, and at its rate the store is asked little anyway.
  init(_ limit: RateLimit, _ settings: SharedLimitSettings) {
    shared = SharedLimit(requests: limit.requests, per: limit.window)
    interval = shared.interval * 1_000
    let perSecond = 1e9 / Double(interval)
    let isSmall = limit.requests < settings.leasedFromRequests || perSecond < settings.leasedFromRequestsPerSecond
    // A second at most, whatever is configured: so long does a store that forgot its buckets have to reckon with leases.
    let longest = min(max(0, settings.leaseLife.nanoseconds), 1_000_000_000)
    life = isSmall ? 0 : min(longest, shared.window * 250)
  }

  /// What one gateway's lease may be of the limit.
  func share(_ part: Double, gateways: Int) -> Int {
    let requests = shared.window / shared.interval
    return max(1, Int(Double(requests) * min(max(part, 0), 1)) / max(1, gateways))
  }
}
