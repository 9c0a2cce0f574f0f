import CoreMetrics
package import GravityLimits
package import Logging
package import NIOCore
import Synchronization

/// Limits that gateways share: decides from leases where it can, and asks the store where it must.
///
/// While the store does not answer, each gateway admits its share: the limit divided by the number of gateways, from the
/// local table, beginning where the shared bucket was known to stand.
package final class LimitLeases: Sendable {
  private let store: any LimitStore
  private let settings: SharedLimitSettings
  private let local: RateLimiter
  private let table: LeaseTable
  private let queue: ClaimQueue
  private let standing = StoreStanding()
  private let gateways = Atomic(1)
  private let calls = Atomic(0)
  private let metrics: LimitMetrics
  private let logger: Logger
  private let now: @Sendable () -> Int64
  private let patience: Int64
  /// Calls of the store at a time; a store that answers needs one or two.
  private static let maximumCalls = 4
  /// Between two looks at a store that is away.
  private static let probeInterval: Duration = .milliseconds(250)

  /// - Parameters:
  ///   - local: Decides while the store is away.
  ///   - now: Nanoseconds of the monotonic clock.
  package init(
    store: any LimitStore, settings: SharedLimitSettings, local: RateLimiter, metrics: LimitMetrics, logger: Logger,
    now: @escaping @Sendable () -> Int64
  ) {
    self.store = store
    self.settings = settings
    self.local = local
    self.metrics = metrics
    self.logger = logger
    self.now = now
    table = LeaseTable(capacity: settings.leasedCallers)
    queue = ClaimQueue(maximumWaiting: settings.waitingRequests)
    patience = max(1_000_000, settings.patience.nanoseconds)
    metrics.isAnswering.record(1)
  }

  package enum Answer {
    case decided(RateLimiter.Decision)
    /// Only the store can say. Ask for it by ``ask(_:_:besides:waiting:name:)``.
    case ask(besides: Int)
  }

  var isAway: Bool { standing.isAway }

  /// How many gateways share the limits, 1 at least. Each has that part of a limit while the store is away.
  var gatewayCount: Int { gateways.load(ordering: .relaxed) }
  func setGatewayCount(_ count: Int) {
    gateways.store(max(1, count), ordering: .relaxed)
    metrics.gateways.record(max(1, count))
  }

  /// Decides about a request, as far as it can be done here.
  ///
  /// - Parameter name: What the store calls the bucket; made only where it is asked.
  @inline(__always)
  package func take(_ key: UInt64, _ policy: LimitPolicy, now: Int64, name: () -> String) -> Answer {
    guard let terms = policy.terms else { return .decided(local.take(key, policy, now: now)) }
    let share = terms.share(settings.leaseShare, gateways: gatewayCount)
    let (answer, whole) = table.take(key, terms, share: share, patience: 2 * patience, now: now)
    switch answer {
    case .admitted(let decision, let refill):
      if refill > 0 { renew(key, terms, refill, name) }
      return .decided(decision)
    case .refused(let decision):
      return isAway ? .decided(takeShare(key, policy, whole: whole, now: now)) : .decided(decision)
    case .ask(let besides):
      return isAway ? .decided(takeShare(key, policy, whole: whole, now: now)) : .ask(besides: besides)
    }
  }

  private func renew(_ key: UInt64, _ terms: LeaseTerms, _ count: Int, _ name: () -> String) {
    guard !isAway else { return }
    // One that finds no place leaves the lease as it is: the next request asks again.
    if !queue.add(key, terms, besides: count, waiting: nil, name: name) { table.fail(key) }
  }

  /// Has the store decide about a request that waits; `waiting` is told once, within twice the patience.
  ///
  /// - Returns: false when too many wait already; then ``takeShare(_:_:now:)`` decides.
  package func ask(
    _ key: UInt64, _ policy: LimitPolicy, besides: Int, waiting: EventLoopPromise<ClaimOutcome>, name: () -> String
  ) -> Bool {
    guard let terms = policy.terms else { return false }
    if queue.add(key, terms, besides: besides, waiting: waiting, name: name) { return true }
    table.fail(key)
    return false
  }

  /// Decides by this gateway's share of the limit, where the store does not.
  func takeShare(_ key: UInt64, _ policy: LimitPolicy, now: Int64) -> RateLimiter.Decision {
    takeShare(key, policy, whole: table.whole(key), now: now)
  }

  private func takeShare(
    _ key: UInt64, _ policy: LimitPolicy, whole: Int64, now: Int64
  ) -> RateLimiter.Decision {
    metrics.decided(.share)
    var decision = local.take(key, policy, now: now, sharedBy: gatewayCount, from: whole)
    decision.isShare = true
    return decision
  }

  /// Requests of `key` that could be admitted without asking.
  func held(_ key: UInt64, _ terms: LeaseTerms) -> Int { table.held(key, terms, now: now()) }

  // MARK: - The store

  /// Asks the store what is to be asked, until the task is cancelled.
  package func run() async {
    await withDiscardingTaskGroup { tasks in
      tasks.addTask { await self.watchStanding() }
      for await _ in queue.wakes {
        while isAway || calls.load(ordering: .relaxed) < Self.maximumCalls {
          let claims = queue.take(settings.claimsPerCall)
          guard !claims.isEmpty else { break }
          guard !isAway else {
            end(claims)
            continue
          }
          calls.add(1, ordering: .relaxed)
          tasks.addTask {
            await self.call(LimitCall(claims, asked: self.now()))
            self.calls.subtract(1, ordering: .relaxed)
            self.queue.nudge()
          }
          // What comes meanwhile goes together. Cut short only by the end.
          try? await Task.sleep(for: settings.gathering)
        }
      }
      tasks.cancelAll()
    }
    queue.close()
    end(queue.take(.max))
  }

  /// Nobody waits longer than `patience`. The answer is waited for as long as it is worth something: what was granted
  /// then is a lease, else it would be lost.
  private func call(_ call: LimitCall) async {
    await withTaskGroup(of: Void.self) { race in
      race.addTask { await self.ask(call) }
      race.addTask {
        guard (try? await Task.sleep(for: .nanoseconds(self.patience))) != nil else { return }
        self.fail("no answer within \(self.settings.patience)")
        self.unanswered(call)
        try? await Task.sleep(for: .seconds(1))
      }
      await race.next()
      race.cancelAll()
    }
    unanswered(call)
  }

  private func ask(_ call: LimitCall) async {
    metrics.calls.increment()
    do {
      let grants = try await store.take(call.claims.map(\.claim))
      guard grants.count == call.claims.count else {
        throw LimitStoreError("\(grants.count) grants for \(call.claims.count) claims")
      }
      let time = now()
      metrics.callDuration.recordNanoseconds(time - call.asked)
      let waiting = call.takeWaiting()
      for (index, claim) in call.claims.enumerated() {
        settle(claim, grants[index], waiting: waiting?[index] ?? [], asked: call.asked, at: time)
      }
    } catch {
      // At the end of the gateway nobody is told that a store is away.
      guard !Task.isCancelled else { return }
      fail("\(error)")
    }
  }

  /// The granted go to the requests that wait, in the order of their coming; what is left is the lease.
  private func settle(
    _ claim: PendingClaim, _ grant: LimitGrant, waiting: [EventLoopPromise<ClaimOutcome>], asked: Int64, at time: Int64
  ) {
    let spent = min(max(0, grant.taken), waiting.count)
    let leased = table.take(
      claim.key, grant, besides: claim.besides, spent: spent, claim.terms, asked: asked, now: time)
    if leased > 0 { metrics.leased.increment(by: leased) }
    for (index, promise) in waiting.enumerated() {
      let isAdmitted = index < spent
      metrics.decided(.store)
      promise.succeed(
        .decided(
          RateLimiter.Decision(
            isAdmitted: isAdmitted, remaining: isAdmitted ? grant.remaining + grant.taken - index - 1 : 0,
            retryAfter: isAdmitted ? 0 : max(claim.terms.interval / 1_000, grant.retryAfter) * 1_000,
            reset: grant.reset * 1_000)))
    }
  }

  private func unanswered(_ call: LimitCall) {
    guard let waiting = call.takeWaiting() else { return }
    for claim in call.claims { table.fail(claim.key) }
    for promise in waiting.joined() { promise.succeed(.unanswered) }
  }

  private func end(_ claims: [PendingClaim]) {
    for claim in claims {
      table.fail(claim.key)
      for promise in claim.waiting { promise.succeed(.unanswered) }
    }
  }

  private func fail(_ reason: String) {
    metrics.errors.increment()
    guard standing.failed() else { return }
    metrics.isAnswering.record(0)
    logger.warning(
      "the store of limits does not answer; each gateway admits its share of every limit",
      metadata: ["reason": "\(reason)", "gateways": "\(gatewayCount)"])
    end(queue.take(.max))
  }

  /// Looks whether a store that was away is back, and tells the counts.
  private func watchStanding() async {
    while (try? await Task.sleep(for: Self.probeInterval)) != nil {
      metrics.report(table.takeCounts())
      if isAway { await probe() }
    }
    metrics.report(table.takeCounts())
  }

  /// A bucket of its own, so that nobody's limit is used up by looking.
  private static let probeClaim = LimitClaim(
    key: "gateway:probe", limit: SharedLimit(requests: 1_000_000, per: .seconds(1)))

  private func probe() async {
    let asked = now()
    let isAnswer = await withTaskGroup(of: Bool.self) { race in
      race.addTask { ((try? await self.store.take([Self.probeClaim]))?.count ?? 0) == 1 }
      race.addTask {
        try? await Task.sleep(for: .nanoseconds(self.patience))
        return false
      }
      let first = await race.next() ?? false
      race.cancelAll()
      return first
    }
    guard !Task.isCancelled else { return }
    guard isAnswer, now() - asked <= patience else {
      _ = standing.failed()
      return
    }
    guard standing.answered() else { return }
    metrics.isAnswering.record(1)
    logger.notice("the store of limits answers again; limits are shared")
  }
}

/// One call of the store. Whoever is first, the answer or the end of patience, has those that wait.
private final class LimitCall: Sendable {
  let claims: [PendingClaim]
  /// Nanoseconds of the monotonic clock.
  let asked: Int64
  private let waiting: Mutex<[[EventLoopPromise<ClaimOutcome>]]?>

  init(_ claims: [PendingClaim], asked: Int64) {
    self.claims = claims
    self.asked = asked
    waiting = Mutex(claims.map(\.waiting))
  }

  /// - Returns: For each claim those that wait; nil where somebody has them already.
  func takeWaiting() -> [[EventLoopPromise<ClaimOutcome>]]? {
    waiting.withLock { waiting in
      defer { waiting = nil }
      return waiting
    }
  }
}
