import UnixSignals
import Logging
import AsyncHTTPClient
import AuthAPI
import AuthServer
import ConsulEngine
import Foundation
import GravityData
import GravityDiscovery
import GravityEvents
import GravityIdentity
import GravityService
import GravityTelemetry
import NIOCore
import NIOPosix
import ServiceLifecycle

/// The services of one process: made, started in order, stopped in reverse.
struct Platform {
  enum Mode {
    /// Everything here; what is missing is made up.
    case up(quiet: Bool)
    /// One part of a deployment.
    case serve(port: Int?)
  }

  let configuration: PlatformConfiguration
  let names: [String]
  let mode: Mode

  init(_ configuration: PlatformConfiguration, running names: [String], mode: Mode) {
    self.configuration = configuration
    self.names = names
    self.mode = mode
  }

  func run() async throws {
    let began = ContinuousClock.now
    let directory = try DataDirectory(configuration.dataDirectory)
    switch mode {
    case .up: try directory.lock(.platform)
    // What is in a server is no folder's.
    case .serve: if configuration.postgresURL == nil { try directory.lock(.service) }
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
    // The read bound covers what a call's own deadline does not: a peer that freezes in the middle of its reply.
    var calls = HTTPClient.Configuration(timeout: .init(connect: .seconds(2), read: .seconds(5)))
    // Who calls goes to another instance instead.
    calls.connectionPool.retryConnectionEstablishment = false
    let http = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: calls)
    let output = LogOutput(format: configuration.logFormat)
    let databases = Databases(configuration, directory)
    let threshold = LogThreshold(configuration.logLevel)
    let own = ServiceTelemetry(service: "gravity", threshold: threshold, output: output)
    let tracing = try RunningTraces.system(configuration.layers, isShared: names.count > 1)
    var brokerDatabase: (any Database)?
    var consul: ConsulAgent?
    do {
      if isServing { consul = try RunningConsul.agent(configuration.layers, group, own) }
      let broker = try await RunningBroker(
        configuration, databases, ServiceTelemetry(service: "broker", threshold: threshold, output: output))
      brokerDatabase = broker.database
      let masterKey = try masterKey(directory)
      let ground = Ground(
        configuration: configuration, directory: directory, masterKey: masterKey,
        credentials: try ServiceCredentials(configuration.layers, masterKey, http), group: group,
        http: http, registry: try registry(consul, own), consul: consul,
        redis: try RunningRedis(configuration.layers, group, own), databases: databases, output: output,
        threshold: threshold,
        live: LiveConfiguration(
          configuration.layers, settings: Settings.all, logger: own.logger("configuration")),
        tracing: tracing, broker: broker.broker, names: names,
        isServing: isServing, makesSecrets: makesSecrets, hearsOthers: try hearsOthers(), isHeard: try isHeard)
      if !ground.hearsOthers {
        ground.telemetry("gravity").logger("events").warning(
          "events reach only processes that share this data folder, and late; set GRAVITY_POSTGRES_URL or GRAVITY_AMQP_URL",
          metadata: ["file.path": "\(directory.url.relativePath)"])
      }
      try await run(ground, began)
    } catch {
      await brokerDatabase?.close()
      try? await consul?.shutdown()
      try? await http.shutdown()
      try? await group.shutdownGracefully()
      throw error
    }
    await brokerDatabase?.close()
    try await consul?.shutdown()
    try await http.shutdown()
    try await group.shutdownGracefully()
  }

  private func run(_ ground: Ground, _ began: ContinuousClock.Instant) async throws {
    var opened: [any Database] = []
    do {
      let services = try await start(ground, began, &opened)
      let logger = ground.telemetry("gravity").logger("lifecycle")
      var lifecycle = ServiceGroupConfiguration(
        services: services, gracefulShutdownSignals: [.sigterm, .sigint, .sighup], logger: logger)
      // The bound on the whole: what hangs beyond the drain is cut off.
      lifecycle.maximumGracefulShutdownDuration =
        configuration.drainTimeout + .seconds(5)
        + max(try ground.advertisement.departure, ground.registry.departure) * names.count
      try await ServiceGroup(configuration: lifecycle).run()
    } catch {
      for database in opened { await database.close() }
      throw error
    }
    for database in opened { await database.close() }
  }

  /// Everything that runs, in the order in which it is started; it is stopped in reverse.
  private func start(
    _ ground: Ground, _ began: ContinuousClock.Instant, _ opened: inout [any Database]
  ) async throws -> [any Service] {
    let listening = Listening(expecting: names)
    // The first, so that it ends last and takes what the others still have to tell.
    var services = RunningTraces.export(ground)
    if let consul = ground.consul { services.append(consul) }
    // Whoever registers or listens comes after it.
    if let registry = ground.registry as? any Service { services.append(registry) }
    if let redis = ground.redis { services.append(redis.client) }
    services += try RunningConfiguration.services(ground) + ground.credentials.followers(ground.registry)
    services.append(BrokerService(broker: ground.broker))
    var verification: Verification?
    if !names.contains(AuthAPI.service) {
      let remote = try await Verification(over: ground)
      services += remote.followers
      verification = remote
    }
    for entry in Catalog.services where names.contains(entry.name) {
      let telemetry = ground.telemetry(entry.name)
      let opening = try await ground.databases.prepare(entry.database, entry.migrations, telemetry)
      opened.append(opening)
      let database = TracedDatabase(opening, name: entry.database)
      let running = try await entry.start(
        ground,
        ServiceGround(
          entry: entry, database: database, telemetry: telemetry, verification: verification, port: port(entry.name),
          listening: listening))
      verification = running.verification ?? verification
      services += running.services.map { TracedService($0, tracer: telemetry.tracer) }
      // At once: if something else keeps the platform from starting, the account is made and its password is not lost.
      if let administrator = running.administrator { say(administrator) }
    }
    if names.contains("gateway"), let verification {
      let neighbours = Neighbours()
      services.append(try RunningConsole(ground, neighbours).service)
      services += try await RunningGateway.services(
        ground, verification, neighbours, awaitsServices: names.contains(AuthAPI.service), port: port("gateway"),
        listening)
    }
    services.append(Announcement(listening: listening) { say(ground, took: began.duration(to: .now)) })
    return services
  }

  private func masterKey(_ directory: DataDirectory) throws -> MasterKey {
    let given = try configuration.layers.optional(Settings.masterKey)
    if case .serve = mode, given == nil, !FileManager.default.fileExists(atPath: directory.masterKey.path) {
      throw StartFailure(
        .configuration,
        "GRAVITY_MASTER_KEY is not set; make one with `openssl rand -base64 32`, give every service the same and keep a copy"
      )
    }
    do throws(MasterKeyError) { return try MasterKey.load(environment: given, file: directory.masterKey) } catch {
      throw StartFailure(.configuration, "master key: \(error.description)")
    }
  }

  private func port(_ name: String) -> Int {
    if case .serve(let port?) = mode { return port }
    return configuration.port(Catalog.services.first { $0.name == name }?.port ?? Catalog.gatewayPort)
  }

  private func say(_ ground: Ground, took: Duration) {
    let milliseconds = Int(took / .milliseconds(1))
    guard case .up(let quiet) = mode else {
      return print(flushing: "gravity \(names.joined(separator: ", ")) is ready (\(milliseconds) ms)")
    }
    var lines = ["Gravity \(Build.version) is ready (\(milliseconds) ms)"]
    if !quiet {
      for name in names {
        let database =
          Catalog.services.first { $0.name == name }.map { "  \(ground.databases.place($0.database))" } ?? ""
        let scheme = name == "gateway" ? configuration.gatewayScheme : "http"
        lines.append(
          "  \(name.padding(toLength: 12, withPad: " ", startingAt: 0)) \(scheme)://\(configuration.host):\(port(name))\(database)"
        )
      }
      let base = "\(configuration.gatewayScheme)://\(configuration.host):\(port("gateway"))"
      if names.contains("gateway") {
        lines.append("  console      \(base)/console/")
        lines.append("  API          \(base)/openapi.json    health  \(base)/health")
      }
      if configuration.isLoopback { lines.append("  mail         \(ground.directory.mail.relativePath)") }
    }
    print(flushing: lines.joined(separator: "\n"))
  }

  private func say(_ administrator: FirstAdministrator) {
    print(flushing: "The first administrator was made: \(administrator.email)")
    if let password = administrator.generatedPassword {
      print(flushing: "  password  \(password)    (shown this once)")
    }
  }

  private func hearsOthers() throws -> Bool {
    if case .up = mode { return true }
    return try isHeard
  }

  private var isHeard: Bool {
    get throws { try configuration.postgresURL != nil || configuration.layers.optional(Settings.amqpURL) != nil }
  }

  private var makesSecrets: Bool { !isServing }
  var isServing: Bool { if case .serve = mode { true } else { false } }
}

/// What every service of the process stands on.
struct Ground: Sendable {
  let configuration: PlatformConfiguration
  let directory: DataDirectory
  let masterKey: MasterKey
  /// By what its services call others.
  let credentials: ServiceCredentials
  let group: MultiThreadedEventLoopGroup
  let http: HTTPClient
  let registry: any Registry
  /// nil where none is named, and in `up`.
  let consul: ConsulAgent?
  /// nil where none is named: then the process's own memory stands in its place.
  let redis: RunningRedis?
  let databases: Databases
  let output: LogOutput
  /// What every logger of the process follows.
  let threshold: LogThreshold
  /// The configuration as it changes.
  let live: LiveConfiguration
  let tracing: TracingSystem
  let broker: any EventBroker
  /// What runs in this process.
  let names: [String]
  /// Whether this is one part of a deployment, and not all of it.
  let isServing: Bool
  /// Whether secrets that are not given are made up.
  let makesSecrets: Bool
  /// Whether what another process does is heard of at once: not where each has files and no server stands between.
  let hearsOthers: Bool
  /// Whether what this process announces can reach another one: not from a broker that is a file, whose feeds are its
  /// own process's.
  let isHeard: Bool

  /// Whether no other process has the same databases: `up` locks its folder.
  var isAlone: Bool { makesSecrets && configuration.postgresURL == nil }

  func telemetry(_ service: String) -> ServiceTelemetry {
    ServiceTelemetry(
      service: service, threshold: threshold, output: output, tracer: tracing.tracer(for: service))
  }
}

func print(flushing text: String) {
  print(text)
  fflush(nil)
}
