import Logging
import GravityTelemetry
import AuthServer
import AuthAPI
import Console
import Foundation
import Gateway
import GatewayAPI
import GatewayServer
import GravityContracts
import GravityDiscovery
import GravityHTTP
import GravityIdentity
import GravityService
import NIOCore
import ServiceLifecycle

/// The gateway with the routes of every service.
enum RunningGateway {
  /// The name of the limit where passwords and mailboxes can be guessed.
  fileprivate static let signIn = "sign-in"

  static func services(
    _ ground: Ground, _ verification: Verification, _ neighbours: Neighbours, awaitsServices: Bool, port: Int,
    _ listening: Listening
  ) async throws -> [any Service] {
    let layers = ground.configuration.layers
    let telemetry = ground.telemetry("gateway")
    var configuration = try ground.configuration.edge(host: ground.configuration.host, port: port)
    configuration.rateLimit = RateLimit(requests: try layers.value(Settings.gatewayRequests), per: .seconds(60))
    let routes = try routes(layers)
    let document = Array(
      try OpenAPI(title: "Gravity", version: Build.version, endpoints: Catalog.endpoints).encoded())
    let metrics = telemetry.metrics
    let accessLog = GatewayAccessLog.lines(to: ground.output, ground.threshold, metrics: metrics)
    var documents = try GatewayDocuments.metrics(
      metrics, layers, isLoopback: ground.configuration.isLoopback, telemetry.logger("gateway"))
    documents["/openapi.json"] = .fixed("application/json", document)
    let keys = try await RunningAPIKeys(on: ground)
    let gateway: Gateway
    do {
      gateway = try Gateway(
        configuration: configuration, routes: routes,
        registry: neighbours.registry([ConsoleAPI.service, GatewayAPI.service], elsewhere: ground.registry),
        // With a store the gateway asks the blacklist itself.
        verifier: ground.redis == nil ? verification.users : verification.usersUnasked,
        apiKeys: keys, revocations: verification.revocations, limitStore: ground.redis?.limits,
        tokenStore: ground.redis?.tokens,
        localDocuments: documents, accessLog: accessLog, eventLoopGroup: ground.group,
        logger: telemetry.logger("gateway"),
        metricsFactory: metrics, tracer: telemetry.tracer)
    } catch let error as TLSFileError {
      throw StartFailure(error)
    }
    let began = Date()
    let administration = try RunningAdministration(
      of: gateway, host: try ground.advertisement.host ?? ground.configuration.reachedHost,
      verifier: verification.users, neighbours, ground.group, ground.telemetry(GatewayAPI.service)
    ) { .init(source: "services", since: began) }
    return [accessLog] + administration.services + [
      keys.follower,
      LiveLimits(live: ground.live, gateway: gateway),
      ListeningGateway(
        gateway: gateway, host: ground.configuration.host, port: port, listening: listening,
        awaitsServices: awaitsServices,
        presence: Presence(
          of: "gateway", version: Build.version, host: ground.configuration.host, usesTLS: configuration.tls != nil,
          try ground.advertisement, in: ground.registry,
          setReady: { [gateway] isReady in if !isReady { gateway.leave() } }, logger: telemetry.logger("gateway"),
          port: {
            let port = await gateway.boundPort
            return port > 0 ? port : nil
          })),
    ]
  }

  /// The declared endpoints, with a limit by address on those at which passwords and mailboxes can be guessed.
  private static func routes(_ layers: LayeredConfiguration) throws -> [Route] {
    let guessable = Set([
      AuthAPI.login.path, AuthAPI.register.path, AuthAPI.recover.path, AuthAPI.changeEmail.path,
      AuthAPI.confirmEmail.path, AuthAPI.signIn.path, AuthAPI.completeLogin.path, AuthAPI.signInCode.path,
      AuthAPI.stepUp.path, AuthAPI.deviceAuthorization.path, AuthAPI.enterDeviceCode.path,
      AuthAPI.startAtProvider.path, AuthAPI.returnFromProvider.path, AuthAPI.passkeyLoginOptions.path,
      AuthAPI.loginWithPasskey.path, AuthAPI.passkeySignInOptions.path, AuthAPI.signInWithPasskey.path,
    ])
    let limit = RateLimit(
      signIn, requests: try layers.value(Settings.signIns), per: .seconds(60), by: .address)
    let console = ConsoleAPI.paths.map {
      Route("console", path: $0, methods: ["GET", "HEAD"], service: ConsoleAPI.service, access: .public)
    }
    let cors = try layers.optional(Settings.corsOrigins).map { try CORSPolicy(origins: $0) }
    let compresses = try layers.value(Settings.compression)
    let services = Catalog.services.flatMap { Route.routes(for: $0.name, endpoints: $0.endpoints) }
    return (console + RunningAdministration.routes + services).map { route in
      var route = route
      if guessable.contains(route.path) { route.rateLimit = limit }
      // Who is in stays in when many want to come in at once: a password costs a hundred times what a refresh does.
      route.isUrgent = route.service == AuthAPI.service && !guessable.contains(route.path)
      route.cors = cors
      if compresses, route.access == .public, route.methods?.contains("GET") ?? true {
        route.compression = CompressionPolicy()
      }
      return route
    }
  }
}

/// Lets the gateway's limits follow their settings.
private struct LiveLimits: Service {
  let live: LiveConfiguration
  let gateway: Gateway

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        group.addTask {
          await live.follow(Settings.gatewayRequests) { await gateway.limit(to: $0, of: RateLimit.standardName) }
        }
        group.addTask { await live.follow(Settings.signIns) { await gateway.limit(to: $0, of: RunningGateway.signIn) } }
      }
    }
  }
}

/// Says when the gateway listens, and why it cannot.
struct ListeningGateway: Service {
  let gateway: Gateway
  let host: String
  let port: Int
  let listening: Listening
  /// Whether what it needs is in this process, so that "ready" means that requests get through.
  let awaitsServices: Bool
  /// Others may look for gateways: to share limits, or to stand before them.
  let presence: Presence

  func run() async throws {
    let announce = Task { [gateway] in
      guard await gateway.boundPort > 0 else { return }
      while awaitsServices, !gateway.isReady { try await Task.sleep(for: .milliseconds(5)) }
      listening.started("gateway")
    }
    defer { announce.cancel() }
    let quiet = Logger(label: "gateway") { _ in SwiftLogNoOpLogHandler() }
    do { try await ServiceGroup(services: [gateway, presence], logger: quiet).run() } catch let error as IOError {
      throw StartFailure(listeningOn: host, port: port, error)
    }
  }
}

extension LayeredConfiguration {
  /// The gateway is the edge: unless somebody says what stands before it, it believes nobody's `X-Forwarded-For`.
  func outerProxies() throws -> [CIDR] {
    let (text, layer) = origin(of: Settings.trustedProxies)
    guard layer != "default" else { return [] }
    let blocks = text.split(separator: ",").map { CIDR($0.filter { $0 != " " }) }
    // A block that cannot be read ends the start.
    guard !blocks.contains(nil) else {
      throw StartFailure(
        .configuration, "GRAVITY_TRUSTED_PROXIES: \"\(text)\" is no list of CIDR blocks such as 10.0.0.0/8,::1/128")
    }
    return blocks.compactMap(\.self)
  }
}
