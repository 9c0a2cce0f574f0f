import CoreMetrics
import GravityContracts
import GravityIdentity
import NIOCore
import Synchronization

/// How much a caller may ask.
extension ClientConnection {
  /// Goes through the route's limits from the first that has not let the request pass yet. Those by address stand before
  /// the others, and need nobody to be known.
  ///
  /// - Parameter now: Nanoseconds of the monotonic clock.
  func limit(_ bytes: inout ByteBuffer, now: Int64) {
    guard let route = exchange.route else { return refuse(.notFound, &bytes) }
    while exchange.limitsPassed < route.policies.count {
      let policy = route.policies[exchange.limitsPassed]
      if isUnknown(route), policy.limit.by != .address { break }
      let key = policy.key(caller(policy))
      guard let leases = worker.state.leases else {
        guard pass(policy, worker.state.limiter.take(key, policy, now: now), now, &bytes) else { return }
        continue
      }
      switch leases.take(key, policy, now: now, name: { bucketName(policy) }) {
      case .decided(let decision):
        guard pass(policy, decision, now, &bytes) else { return }
      case .ask(let besides):
        if policy.limit.isShadow {
          watch(policy, leases, key, besides)
          exchange.limitsPassed += 1
          continue
        }
        if ask(policy, leases, key, besides) { return }
        guard pass(policy, leases.takeShare(key, policy, now: now), now, &bytes) else { return }
      }
    }
    if isUnknown(route) { identify(&bytes) } else { dispatch(&bytes) }
  }

  /// Whether it is not known yet who asks, and has to be.
  @inline(__always)
  private func isUnknown(_ route: PreparedRoute) -> Bool { exchange.token == nil && !route.isPublic }

  /// - Returns: false when the request was refused.
  @inline(__always)
  private func pass(
    _ policy: LimitPolicy, _ decision: RateLimiter.Decision, _ now: Int64, _ bytes: inout ByteBuffer
  ) -> Bool {
    exchange.limitsPassed += 1
    if decision.isAdmitted {
      if worker.tellsLimits, !policy.limit.isShadow { note(policy, decision) }
      return true
    }
    guard !policy.limit.isShadow else {
      worker.state.shadowReports.refused(policy, now: now)
      return true
    }
    policy.counts.refused.add(1, ordering: .relaxed)
    worker.state.metrics.rateLimited.increment()
    refuse(.rateLimited(policy, decision, gateways: worker.state.leases?.gatewayCount ?? 1), &bytes)
    return false
  }

  /// Of several limits the answer tells the one of which the least is left.
  private func note(_ policy: LimitPolicy, _ decision: RateLimiter.Decision) {
    if let known = exchange.limitFields, known.remaining <= decision.remaining { return }
    exchange.limitFields = LimitFields(policy, decision)
  }

  // MARK: - Asking the store

  /// - Returns: Whether the request waits now.
  private func ask(
    _ policy: LimitPolicy, _ leases: LimitLeases, _ key: UInt64, _ besides: Int
  ) -> Bool {
    let promise = worker.loop.makePromise(of: ClaimOutcome.self)
    let (number, place) = (exchangeNumber, exchange.limitsPassed)
    promise.futureResult.assumeIsolated().whenSuccess { [weak self] outcome in
      guard let self, self.exchangeNumber == number, self.exchange.limitsPassed == place, self.isDeciding(.limit)
      else { return }
      self.limitAnswered(outcome)
    }
    guard leases.ask(key, policy, besides: besides, waiting: promise, name: { bucketName(policy) }) else {
      promise.succeed(.unanswered)
      return false
    }
    // The store's calls have a bound of their own; this one is for the case that it is not kept.
    wait(.limit, until: worker.readClock() + 3 * worker.state.configuration.sharedLimits.patience.nanoseconds)
    return true
  }

  /// The store has decided about the limit that the request waited for, or did not.
  func limitAnswered(_ outcome: ClaimOutcome) {
    resume { client, bytes in
      guard let route = client.exchange.route, let leases = client.worker.state.leases else {
        return client.refuse(.notFound, &bytes)
      }
      let now = client.worker.readClock()
      let policy = route.policies[client.exchange.limitsPassed]
      let decision: RateLimiter.Decision =
        switch outcome {
        case .decided(let decision): decision
        case .unanswered: leases.takeShare(policy.key(client.caller(policy)), policy, now: now)
        }
      guard client.pass(policy, decision, now, &bytes) else { return }
      client.limit(&bytes, now: now)
    }
  }

  /// Asks on behalf of a limit that is only watched: nobody waits for that.
  private func watch(
    _ policy: LimitPolicy, _ leases: LimitLeases, _ key: UInt64, _ besides: Int
  ) {
    let promise = worker.loop.makePromise(of: ClaimOutcome.self)
    let state = worker.state
    promise.futureResult.whenSuccess { outcome in
      guard case .decided(let decision) = outcome, !decision.isAdmitted else { return }
      state.shadowReports.refused(policy, now: state.now())
    }
    if !leases.ask(key, policy, besides: besides, waiting: promise, name: { bucketName(policy) }) {
      promise.succeed(.unanswered)
    }
  }

  // MARK: - Who calls

  /// Stands for the caller among this gateway's limits.
  @inline(__always)
  private func caller(_ policy: LimitPolicy) -> UInt64 {
    switch policy.limit.by {
    case .caller: exchange.token?.caller ?? addressCaller
    case .address: addressCaller
    case .credential: exchange.token?.credential ?? addressCaller
    case .everyone: 0
    }
  }

  /// What the store calls the caller's bucket.
  private func bucketName(_ policy: LimitPolicy) -> String {
    let principal = exchange.token?.principal
    let name: String? =
      switch policy.limit.by {
      case .caller: principal.map { "subject:\($0.subject)" }
      case .credential: principal.map { "credential:\($0.credential)" }
      case .everyone: "everyone"
      case .address: nil
      }
    return policy.bucketName(name ?? "address:\(addressNetwork?.hexadecimal ?? exchange.clientName)")
  }

  /// What a limit by address counts; nil where the client's name is no address.
  private var addressNetwork: IPAddress? {
    if exchange.clientName == address.name, let network = address.network { return network }
    return IPAddress(exchange.clientName)?.limitingNetwork
  }

  /// Stands for the client's address among limits.
  private var addressCaller: UInt64 {
    var hasher = Hasher()
    if let network = addressNetwork { hasher.combine(network) } else { hasher.combine(exchange.clientName) }
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}
