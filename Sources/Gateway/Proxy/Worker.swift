import CoreMetrics
import Foundation
import GravityIdentity
import NIOCore

/// What belongs to one event loop: connections, pools, remembered tokens, the clock's last reading. Only that loop
/// touches it.
final class Worker {
  let loop: any EventLoop
  /// Of the loops of the gateway's group, from 0.
  let number: Int
  let state: GatewayState
  let headLimits: HeadLimits
  let timeouts: TimeoutNanoseconds
  let tellsLimits: Bool
  /// Here rather than in what all share, since routes may change while requests pass.
  private(set) var routes: LoopRoutes
  var tokens: TokenCache
  var revocations: RevocationList.Reader
  private(set) var verifications: VerificationQueue!
  /// Keys that are being exchanged for tokens: a queue of its own, so that whoever invents keys keeps no token waiting.
  private(set) var exchanges: VerificationQueue!
  /// How keys begin; nil where none are taken.
  let keyPrefix: [UInt8]?
  /// Until when keys that are not good are not asked about again.
  private var refusedKeys: [TokenDigest: Int64] = [:]
  /// nil where the list of revocations alone decides.
  let blacklist: BlacklistQueue?
  var random = FastRandom()
  var encoders: EncoderPool
  var durations: DurationHandles
  var spans: GatewaySpans?
  /// Connections of HTTP/1.1, and streams of HTTP/2.
  private(set) var clients: [ClientConnection] = []
  private(set) var connections: [HTTP2Connection] = []
  /// Whether answers ask clients to come back on another connection.
  private(set) var isLeaving = false
  private(set) var isDraining = false
  private var drainBegan: Int64 = 0
  /// The clock as the last tick or request read it: exact enough for idle timeouts.
  private(set) var coarseNow: Int64
  private var ticker: RepeatedTask?
  private var drained: EventLoopPromise<Void>?

  private let loops: Int
  /// By zone.
  private var gateways: [String: Int] = [:]

  init(loop: any EventLoop, number: Int, state: GatewayState, routes: RouteSet, loops: Int) {
    self.loop = loop
    self.number = number
    self.state = state
    self.loops = loops
    self.routes = LoopRoutes(routes, upstreams: routes.services.map { _ in Self.upstream(state, loops) })
    let configuration = state.configuration
    timeouts = TimeoutNanoseconds(configuration.timeouts)
    tellsLimits = configuration.tellsLimits
    headLimits = HeadLimits(
      headBytes: configuration.limits.maximumHeadBytes, targetBytes: configuration.limits.maximumTargetBytes,
      headerCount: configuration.limits.maximumHeaderCount)
    revocations = RevocationList.Reader(state.revocations)
    tokens = TokenCache(capacity: configuration.limits.cachedTokensPerLoop)
    encoders = EncoderPool(maximum: configuration.limits.compressedAnswersPerLoop)
    durations = DurationHandles(state.metrics)
    spans = state.tracer.map { GatewaySpans($0, wallClock: state.wallClock) }
    blacklist = state.tokenStore.map {
      BlacklistQueue(
        loop: loop, store: $0, settings: configuration.blacklist, metrics: state.metrics.blacklist, logger: state.logger
      )
    }
    coarseNow = state.now()
    keyPrefix = state.apiKeys.map { Array($0.prefix.utf8) }
    let (verifier, keys, limits) = (state.verifier, state.apiKeys, configuration.limits)
    verifications = VerificationQueue(
      loop: loop, concurrent: limits.concurrentVerifications, waiting: limits.waitingVerifications,
      verify: { token throws(TokenRefusal) in VerifiedCredential(principal: try await verifier.verify(token)) },
      finish: { [unowned self] digest, credential in self.remember(credential, digest) })
    exchanges = VerificationQueue(
      loop: loop, concurrent: limits.concurrentKeyExchanges, waiting: limits.waitingVerifications,
      verify: { key throws(TokenRefusal) in
        guard let keys else { throw TokenRefusal(.invalid, "no keys are taken") }
        return try await keys.verify(key, by: verifier)
      },
      finish: { [unowned self] digest, credential in self.remember(credential, digest) })
  }

  /// Begins to watch deadlines.
  func start() {
    let timeouts = state.configuration.timeouts
    let shortest =
      [
        timeouts.head, timeouts.keepAlive, timeouts.connect, timeouts.firstByte, timeouts.transferIdle, timeouts.total,
        state.configuration.drainQuiet, timeouts.verification,
      ].map(\.nanoseconds).min() ?? 0
    let interval = TimeAmount.nanoseconds(max(5_000_000, min(100_000_000, shortest / 4)))
    ticker = loop.assumeIsolated().scheduleRepeatedTick(interval) { [weak self] in self?.tick() }
  }

  func stop() { ticker?.cancel() }

  /// Reads the clock.
  @inline(__always)
  func readClock() -> Int64 {
    coarseNow = state.now()
    return coarseNow
  }

  /// The place of a request that has just come.
  @inline(__always)
  func trace(inbound: UnsafeRawBufferPointer?) -> TraceFields {
    var trace = TraceFields(inbound: inbound, random: &random)
    if let spans { trace.sample(spans.sampler) }
    return trace
  }

  var wallMilliseconds: UInt64 { UInt64(max(0, state.wallClock() * 1000)) }

  private static func upstream(_ state: GatewayState, _ loops: Int) -> LoopUpstream {
    let retries = state.configuration.retries
    return LoopUpstream(
      budget: RetryBudget(
        ratio: retries.budgetRatio, perSecond: retries.budgetPerSecond / Double(max(1, loops))),
      concurrency: state.configuration.concurrency, settings: state.configuration.balancing,
      zone: state.configuration.zone)
  }

  /// Takes other routes. Requests that are under way keep theirs.
  func take(_ set: RouteSet) {
    var known = Dictionary(uniqueKeysWithValues: zip(routes.set.services, routes.upstreams))
    let upstreams = set.services.map { service in
      let upstream = known.removeValue(forKey: service) ?? Self.upstream(state, loops)
      upstream.update(gateways: gateways)
      upstream.update(state.directory.instances(of: service))
      return upstream
    }
    routes = LoopRoutes(set, upstreams: upstreams)
    for upstream in known.values { upstream.retire() }
    durations.routesChanged(to: set)
    spans?.routesChanged()
  }

  /// Takes what the directory has of a service, where a route leads to it.
  func refresh(_ service: String) {
    guard let index = routes.set.services.firstIndex(of: service) else { return }
    routes.upstreams[index].update(state.directory.instances(of: service))
  }

  func update(gateways: [String: Int]) {
    self.gateways = gateways
    for upstream in routes.upstreams { upstream.update(gateways: gateways) }
  }

  private func remember(_ credential: VerifiedCredential, _ digest: TokenDigest) -> VerifiedToken {
    let left = credential.principal.expiresAt.timeIntervalSince1970 - state.wallClock()
    // The verifier allows for clocks that differ; what is remembered expires on time, and is verified again then.
    let token = VerifiedToken(
      credential.principal, expiresAt: readClock() + Int64(max(0, min(left, 1e8)) * 1e9),
      exchangedFor: credential.exchangedFor)
    tokens.insert(token, digest)
    return token
  }

  func isRefusedKey(_ digest: TokenDigest, now: Int64) -> Bool { (refusedKeys[digest] ?? 0) > now }

  /// A device whose key has ended may go on asking as fast as it can.
  func refuseKey(_ digest: TokenDigest) {
    if refusedKeys.count >= 4_096 { refusedKeys.removeAll(keepingCapacity: true) }
    refusedKeys[digest] = readClock() + 5_000_000_000
  }

  // MARK: - Clients

  func add(_ client: ClientConnection) {
    client.place = clients.count
    clients.append(client)
    if client.isConnection { state.metrics.activeConnections.increment() }
  }

  /// Whether no connection and no stream may be added.
  var isFull: Bool { clients.count + connections.count >= state.configuration.limits.clientConnectionsPerLoop }

  func remove(_ client: ClientConnection) {
    guard client.place >= 0, client.place < clients.count, clients[client.place] === client else { return }
    let last = clients.removeLast()
    if last !== client {
      clients[client.place] = last
      last.place = client.place
    }
    client.place = -1
    if client.isConnection { state.metrics.activeConnections.decrement() }
    finishDrainingIfDone()
  }

  func add(_ connection: HTTP2Connection) {
    connection.place = connections.count
    connections.append(connection)
    state.metrics.activeConnections.increment()
  }

  func remove(_ connection: HTTP2Connection) {
    guard connection.place >= 0 else { return }
    let last = connections.removeLast()
    if last !== connection {
      connections[connection.place] = last
      last.place = connection.place
    }
    connection.place = -1
    state.metrics.activeConnections.decrement()
    finishDrainingIfDone()
  }

  private func tick() {
    let now = readClock()
    for client in clients where client.deadline <= now { client.timedOut(now) }
    for connection in connections where connection.deadline <= now { connection.timedOut() }
    let stale = now - timeouts.upstreamKeepAlive
    for upstream in routes.upstreams {
      for instance in upstream.instances { instance.closeIdle(before: stale) }
    }
    guard isDraining else { return }
    let quiet = state.configuration.drainQuiet.nanoseconds
    // Who was idle before has heard nothing of it yet, and a request of theirs may be on its way.
    let idleSince = now - quiet >= drainBegan ? now - quiet : .min
    for client in clients { client.closeIfIdle(since: idleSince) }
    for connection in connections { connection.drain(quiet: quiet) }
  }

  // MARK: - Draining

  /// Takes connections and requests as before, and says with each answer that this connection is no good any more.
  func leave() {
    guard !isLeaving else { return }
    isLeaving = true
    for connection in connections { connection.announceEnd() }
  }

  /// Lets requests in flight end and no connection live on; the result succeeds when none is left.
  func drain() -> EventLoopFuture<Void> {
    isLeaving = true
    isDraining = true
    drainBegan = readClock()
    let promise = drained ?? loop.makePromise(of: Void.self)
    drained = promise
    for connection in connections { connection.drain(quiet: state.configuration.drainQuiet.nanoseconds) }
    finishDrainingIfDone()
    return promise.futureResult
  }

  /// Closes what the drain timeout left over.
  func closeAll() {
    // A WebSocket has no end that could be missed.
    for client in clients { if client.phase == .tunnel { client.close() } else { client.abort() } }
    for connection in connections { connection.abort() }
    for upstream in routes.upstreams {
      for instance in upstream.instances { instance.closeIdle(before: .max) }
    }
  }

  private func finishDrainingIfDone() {
    guard isDraining, clients.isEmpty, connections.isEmpty, let promise = drained else { return }
    promise.succeed(())
  }
}

extension NIOIsolatedEventLoop {
  /// Calls `body` again and again, `interval` after it returned.
  fileprivate func scheduleRepeatedTick(_ interval: TimeAmount, _ body: @escaping () -> Void) -> RepeatedTask {
    let bound = NIOLoopBound(body, eventLoop: nonisolated())
    return nonisolated().scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in bound.value() }
  }
}
