import AsyncHTTPClient
import ConsulEngine
import Foundation
import Gateway
import GatewayAPI
import GatewayServer
import GravityDiscovery
import GravityIdentity
import GravityService
import GravityTelemetry
import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOPosix
import OpenIDEngine
import RouteFile
import ServiceLifecycle
import UnixSignals

/// The gateway before services of somebody else: routes from a file or from Consul, tokens of any OpenID provider, and
/// nothing else of the platform.
struct GatewayAlone {
  struct Options: Sendable {
    /// A file, or `consul:KEY`.
    var routes: String
    var host: String
    var port: Int
    /// A URL or a file.
    var jwks: String?
    var issuer: String?
    var audience: String?
  }

  let configuration: PlatformConfiguration
  let options: Options

  func run() async throws {
    let began = ContinuousClock.now
    let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
    var calls = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: .seconds(2), read: .seconds(5)))
    calls.connectionPool.retryConnectionEstablishment = false
    let http = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: calls)
    let tracing = try RunningTraces.system(configuration.layers, isShared: false)
    let output = LogOutput(format: configuration.logFormat)
    let threshold = LogThreshold(configuration.logLevel)
    let telemetry = ServiceTelemetry(
      service: "gateway", threshold: threshold, output: output,
      tracer: tracing.tracer(for: "gateway"))
    let consul = try RunningConsul.agent(configuration.layers, group, telemetry)
    let outcome = await Result {
      var services = RunningTraces.export(tracing, http, telemetry)
      if let consul { services.append(consul) }
      services += try await start(group, http, consul, telemetry, output, threshold, began)
      var lifecycle = ServiceGroupConfiguration(
        services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: telemetry.logger("lifecycle"))
      lifecycle.maximumGracefulShutdownDuration =
        configuration.drainTimeout + .seconds(5) + (try configuration.advertisement.departure)
      try await ServiceGroup(configuration: lifecycle).run()
    }
    try? await consul?.shutdown()
    try? await http.shutdown()
    try? await group.shutdownGracefully()
    try outcome.get()
  }

  private func start(
    _ group: any EventLoopGroup, _ http: HTTPClient, _ consul: ConsulAgent?, _ telemetry: ServiceTelemetry,
    _ output: LogOutput, _ threshold: LogThreshold, _ began: ContinuousClock.Instant
  ) async throws -> [any Service] {
    let logger = telemetry.logger("gateway")
    let verifier = try await verifier(http, logger)
    let metrics = telemetry.metrics
    let documents = try GatewayDocuments.metrics(
      metrics, configuration.layers, isLoopback: PlatformConfiguration.isLoopback(options.host), logger)
    // Who could not show a token could not see it either.
    let rules = RouteFile.Rules(
      checksTokens: verifier != nil, missingVerifier: "--jwks URL|FILE",
      others: verifier == nil ? [] : RunningAdministration.routes, local: Array(documents.keys))
    let source = try RunningRoutes.source(options.routes, consul)
    let file = try await source.start(rules)
    let neighbours = Neighbours()
    let registry = UpstreamRegistry(file, elsewhere: neighbours.here)
    let accessLog = GatewayAccessLog.lines(to: output, threshold, metrics: metrics)
    let edge = try gatewayConfiguration()
    let gateway: Gateway
    do {
      gateway = try Gateway(
        configuration: edge, routes: rules.others + file.routes, registry: registry,
        verifier: verifier ?? NobodysVerifier(), revocations: RevocationList(maximumAge: nil),
        localDocuments: documents,
        accessLog: accessLog, eventLoopGroup: group, logger: logger, metricsFactory: metrics, tracer: telemetry.tracer)
    } catch let error as TLSFileError {
      throw StartFailure(error)
    }
    let live = LiveRoutes(
      file, from: source.source, rules: rules, gateway: gateway, registry: registry, logger: telemetry.logger("routes"),
      metrics: metrics)
    var services: [any Service] = [accessLog]
    if let verifier {
      services += try RunningAdministration(
        of: gateway, host: configuration.reachedHost, verifier: verifier, neighbours, group,
        ServiceTelemetry(
          service: GatewayAPI.service, threshold: threshold, output: output)
      ) {
        let standing = live.standing
        return .init(source: standing.source, since: standing.since, refusal: standing.refusal)
      }.services
    }
    let listening = Listening(expecting: ["gateway"])
    services += [
      live,
      ListeningGateway(
        gateway: gateway, host: options.host, port: options.port, listening: listening, awaitsServices: false,
        presence: Presence(
          of: "gateway", version: Build.version, host: options.host, usesTLS: edge.tls != nil,
          try configuration.advertisement,
          in: neighbours.here, setReady: { isReady in if !isReady { gateway.leave() } }, logger: logger,
          port: {
            let port = await gateway.boundPort
            return port > 0 ? port : nil
          })),
      Announcement(listening: listening) {
        print(flushing: "gravity gateway is ready (\(Int(began.duration(to: .now) / .milliseconds(1))) ms)")
      },
    ]
    if let file = source.source as? WatchedFile { services.append(HangUps(file: file)) }
    return services
  }

  private func gatewayConfiguration() throws -> GatewayConfiguration {
    let layers = configuration.layers
    var gateway = try configuration.edge(host: options.host, port: options.port)
    // A limit that nobody asked for would be a surprise before a service that is not ours.
    let isLimited = layers.origin(of: Settings.gatewayRequests).1 != "default"
    gateway.rateLimit =
      isLimited ? RateLimit(requests: try layers.value(Settings.gatewayRequests), per: .seconds(60)) : nil
    gateway.health.critical = []
    return gateway
  }

  private func verifier(_ http: HTTPClient, _ logger: Logger) async throws -> OpenIDVerifier? {
    guard let place = options.jwks else { return nil }
    if options.issuer == nil {
      logger.warning("--issuer is not given: tokens of any issuer that has one of the keys are taken")
    }
    if options.audience == nil {
      logger.warning("--audience is not given: tokens are taken whomever they were issued for")
    }
    let keys = OpenIDKeys(logger: logger) { try await Self.document(place, http) }
    let isURL = place.hasPrefix("http://") || place.hasPrefix("https://")
    if place.hasPrefix("http://") {
      logger.warning("--jwks is fetched without TLS: whoever is between could put keys of their own there")
    }
    do { try await keys.load() } catch {
      // A provider may come up after its gateway; a file that is no key set stays one.
      guard isURL else { throw StartFailure(.configuration, "--jwks \(place): \(error)") }
    }
    return OpenIDVerifier(keys: keys, issuer: options.issuer, audience: options.audience)
  }

  private static func document(_ place: String, _ http: HTTPClient) async throws -> Data {
    let greatest = 256 << 10
    guard place.hasPrefix("http://") || place.hasPrefix("https://") else {
      let handle: FileHandle
      do { handle = try FileHandle(forReadingFrom: URL(filePath: place)) } catch {
        throw OpenIDError("the file cannot be read: \(error.localizedDescription)")
      }
      defer { try? handle.close() }
      return try handle.read(upToCount: greatest + 1) ?? Data()
    }
    let response = try await http.execute(HTTPClientRequest(url: place), timeout: .seconds(10))
    guard response.status == .ok else { throw OpenIDError("\(place) answers \(response.status.code)") }
    return Data(buffer: try await response.body.collect(upTo: greatest))
  }
}

/// Where every route is public nobody checks a token; should one ask all the same, it is refused.
private struct NobodysVerifier: TokenVerifier {
  func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    throw TokenRefusal(.invalid, "nothing checks tokens here")
  }
}

/// SIGHUP has the file read at once.
private struct HangUps: Service {
  let file: WatchedFile

  func run() async throws {
    await cancelWhenGracefulShutdown {
      for await _ in await UnixSignalsSequence(trapping: .sighup) { file.reread() }
    }
  }
}

extension Result where Failure == any Error {
  fileprivate init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
