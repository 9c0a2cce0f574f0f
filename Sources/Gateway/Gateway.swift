public import CoreMetrics
import Foundation
public import GravityDiscovery
public import GravityIdentity
public import GravityLimits
public import GravityTelemetry
public import Logging
public import NIOCore
import NIOPosix
import NIOSSL
public import ServiceLifecycle
import Synchronization

/// The edge proxy: every client reaches the platform through it.
///
/// A request is read, decided upon and sent on within one event loop; only a token that is not remembered is verified
/// elsewhere. What is not certain is refused: a route is protected unless it is declared public.
public final class Gateway: Service {
  let state: GatewayState
  private let board: HealthBoard
  private let registry: any Registry
  private let givenGroup: (any EventLoopGroup)?
  private let port = BoundPort()
  let control: RouteControl
  let workers = Mutex<WorkerSet?>(nil)

  /// What is answered here whatever the routes are.
  static let ownPaths = ["/health", "/health/live", "/health/ready"]

  /// - Parameters:
  ///   - routes: What is let through; anything else is 404.
  ///   - registry: Where the routes' services are; watched while the gateway runs.
  ///   - apiKeys: Takes API keys as well as tokens, as `Authorization: Bearer KEY`; nil takes none.
  ///   - revocations: Asked on every request with a token. A list that is not complete refuses them (503).
  ///   - limitStore: Where limits are shared with other gateways, as ``GatewayConfiguration/sharedLimits`` says; nil
  ///     keeps them for this gateway alone. Gateways share a limit by the names of their policies and routes.
  ///   - tokenStore: Confirms on first sight that a token was not revoked, and answers while `revocations` is not
  ///     complete, as ``GatewayConfiguration/blacklist`` says; nil leaves it to `revocations`. `verifier` must not ask
  ///     `revocations` itself then, or it refuses what the store could confirm.
  ///   - localDocuments: By path, what is answered here, to GET, without a token: `/metrics`, `/openapi.json`. `/health`,
  ///     `/health/live` and `/health/ready` are there already.
  ///   - accessLog: Where requests are written; nil is `logger`, at info, as ``LoggerAccessLog`` does it.
  ///   - tracer: Keeps a span of each request that was let through; nil, or one that is disabled, keeps none.
  ///   - eventLoopGroup: nil makes one of ``GatewayConfiguration/loops``.
  /// - Throws: ``RouteError`` for routes that mean nothing or contradict one another, ``TLSFileError`` for a certificate
  ///   that cannot be used. Waits for the disk where there is one.
  public init(
    configuration: GatewayConfiguration, routes: [Route], registry: any Registry, verifier: any TokenVerifier,
    apiKeys: (any APIKeyTokens)? = nil, revocations: RevocationList, limitStore: (any LimitStore)? = nil,
    tokenStore: (any TokenStore)? = nil,
    localDocuments: [String: LocalDocument] = [:],
    accessLog: (any AccessLog)? = nil, eventLoopGroup: (any EventLoopGroup)? = nil, logger: Logger,
    metricsFactory: any MetricsFactory = MetricsSystem.factory, tracer: Tracer? = nil
  ) throws {
    let drainFlag = DrainFlag()
    let board = HealthBoard(critical: configuration.health.critical, isDraining: { drainFlag.isSet })
    let now: @Sendable () -> Int64 = { Int64(bitPattern: NIODeadline.now().uptimeNanoseconds) }
    let local =
      [
        LocalResponse(path: "/health", now: { board.document }),
        LocalResponse(path: "/health/live", now: { HealthBoard.live }),
        LocalResponse(path: "/health/ready", now: { board.ready }),
      ] + localDocuments.sorted { $0.key < $1.key }.map { LocalResponse(path: $0.key, $0.value, now: now) }
    let (paths, sharesLimits) = (local.map(\.path), limitStore != nil)
    control = try RouteControl(routes) { (plan, former) throws(RouteError) in
      try RouteSet(
        plan.limitedRoutes, local: paths, plan.limited(configuration), sharesLimits: sharesLimits, former: former)
    }
    state = try GatewayState(
      configuration: configuration, local: local, verifier: verifier, apiKeys: apiKeys, revocations: revocations,
      limitStore: limitStore, tokenStore: tokenStore,
      metrics: GatewayMetrics(factory: metricsFactory),
      accessLog: configuration.accessLog ? accessLog ?? LoggerAccessLog(logger) : nil,
      tracer: tracer?.isEnabled == true ? tracer : nil, logger: logger,
      directory: UpstreamDirectory(configuration.breaker, configuration.balancing), drainFlag: drainFlag,
      now: now, wallClock: { Date().timeIntervalSince1970 })
    self.board = board
    self.registry = registry
    givenGroup = eventLoopGroup
  }

  /// The port that connections are taken on, as soon as they are; 0 where that never came to be.
  public var boundPort: Int { get async { await port.value } }

  /// What `/health/ready` says.
  public var isReady: Bool { board.isReady }

  /// Changes how many requests a limit lets through, for requests that come from now on. What callers have used of it
  /// stays used.
  ///
  /// - Parameters:
  ///   - requests: In the limit's window; at least 1.
  ///   - name: Of the ``RateLimit``: the gateway's own, or of every route that has one of that name.
  public func limit(to requests: Int, of name: String) async {
    do throws(RouteError) { try await control.change { $0.requests[name] = requests } } catch {
      // The same routes were taken before, and no limit makes them other ones.
      state.logger.error("a limit was not changed", metadata: ["error.message": "\(error)"])
    }
  }

  /// Puts other routes in the place of all that there are: from then on every event loop goes by them. Requests that are
  /// under way go on by the routes that they came in by. Returns when it is done; services that are new are watched
  /// then, and their instances known, unless the registry takes longer than two seconds; those that no route names any
  /// more are not watched any longer.
  ///
  /// What is known of those that stay is kept: breakers, connections, verified tokens, what callers have used of limits
  /// (of a route with the same name, path, methods, hosts and header conditions), and what was counted (by the route's
  /// name).
  ///
  /// - Throws: ``RouteError`` for routes that mean nothing or contradict one another; then the former stay.
  public func replace(routes: [Route]) async throws(RouteError) {
    try await control.change { $0.routes = routes }
  }

  /// The routes in force, with their limits as they are now.
  public var routes: [Route] { control.current.routes.map(\.route) }

  /// Counts the sets of routes, from 1.
  public var generation: Int { control.current.generation }

  /// Says from now on that it is not ready, and asks clients to come back on another connection, with `connection: close`
  /// and with GOAWAY (RFC 9113 §6.8); serves on. Before ``run()`` is asked to end, so that whoever stands before several
  /// gateways has time to notice.
  public func leave() {
    state.startDraining()
    workers.withLock { $0 }?.leave()
  }

  /// Serves until graceful shutdown, then drains: no new connections, `/health/ready` says no, requests in flight and
  /// those already on their way end, each with `connection: close`, at most
  /// ``GatewayConfiguration/drainTimeout``. Cancellation ends at once.
  ///
  /// - Throws: When the address cannot be bound.
  public func run() async throws {
    let group =
      givenGroup
      ?? MultiThreadedEventLoopGroup(numberOfThreads: max(1, state.configuration.loops ?? System.coreCount))
    do {
      try await serve(on: group)
    } catch {
      port.set(0)
      if givenGroup == nil { try? await group.shutdownGracefully() }
      throw error
    }
    if givenGroup == nil { try await group.shutdownGracefully() }
  }

  private func serve(on group: any EventLoopGroup) async throws {
    let workers = try await WorkerSet(state: state, routes: control.current, group: group)
    self.workers.withLock { $0 = workers }
    defer { self.workers.withLock { $0 = nil } }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      let watch = RegistryWatch(
        registry: registry, directory: state.directory, control: control, workers: workers,
        shadowReports: state.shadowReports, now: state.now)
      tasks.addTask { await watch.run() }
      await control.begin()
      if state.configuration.zone != nil {
        watch.watchGateways(named: state.configuration.sharedLimits.gatewayService, in: &tasks)
      }
      if let leases = state.leases {
        tasks.addTask { await leases.run() }
        let gateways = registry.instances(of: state.configuration.sharedLimits.gatewayService)
        tasks.addTask { for await set in gateways { leases.setGatewayCount(set.count) } }
      }
      let listener = try await listen(group, workers)
      let refresher = HealthRefresher(state: state, board: board, group: group)
      tasks.addTask { await refresher.run() }
      let patrol = EjectionPatrol(state: state)
      tasks.addTask { await patrol.run() }
      if let certificates = state.certificates { tasks.addTask { await certificates.run() } }
      state.logger.info("gateway listens", metadata: ["port": "\(listener.localAddress?.port ?? 0)"])
      port.set(listener.localAddress?.port ?? 0)
      // A cancelled task ends here too, with an error that asks for nothing more than to go on.
      try? await gracefulShutdown()
      state.startDraining()
      try? await listener.close().get()
      await workers.drain(timeout: Task.isCancelled ? .zero : state.configuration.drainTimeout)
      state.logger.info("gateway drained")
      tasks.cancelAll()
    }
  }

  private func listen(_ group: any EventLoopGroup, _ workers: WorkerSet) async throws -> any Channel {
    try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1_024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try self.open(channel, workers.worker(on: channel.eventLoop))
        }
      }
      .bind(host: state.configuration.host, port: state.configuration.port).get()
  }

  /// What a new connection begins with. Which protocol it speaks is known only once it has said something.
  private func open(_ channel: any Channel, _ worker: Worker) throws {
    let pipeline = channel.pipeline.syncOperations
    let client = ClientConnection(worker: worker, transport: state.certificates == nil ? .tcp : .tls)
    if let certificates = state.certificates {
      try pipeline.addHandlers([
        NIOSSLServerHandler(context: certificates.context), ProtocolChooser(client), client,
      ])
    } else if state.configuration.http2.isEnabled {
      try pipeline.addHandlers([ProtocolChooser(client), client])
    } else {
      try pipeline.addHandler(client)
    }
  }
}
