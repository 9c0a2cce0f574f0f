import AsyncHTTPClient
import GravityContracts
import GravityDiscovery
import GravityHTTP
import GravityService
import GravityTelemetry
import Hummingbird
import Logging
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization
import Testing

/// A registry that notes what a server was like when it was told something.
private final class NotingRegistry: Registry {
  struct Note: Sendable, Equatable {
    var what: String
    var instance: ServiceInstance?
    /// What `/health/ready` said at that moment; nil where nobody answered.
    var ready: Int?
  }
  private let kept = Mutex<[Note]>([])
  private let last = Mutex<ServiceInstance?>(nil)
  let isAway = Mutex(false)
  var notes: [Note] { kept.withLock { $0 } }
  let departure: Duration = .milliseconds(50)

  struct Away: Error {}

  func register(_ instance: ServiceInstance) async throws {
    last.withLock { $0 = instance }
    await note("in", instance)
    if isAway.withLock({ $0 }) { throw Away() }
  }
  func deregister(id: String) async throws {
    await note("out", nil)
    if isAway.withLock({ $0 }) { throw Away() }
  }
  func instances(of service: String) -> AsyncStream<[ServiceInstance]> { AsyncStream { $0.finish() } }

  private func note(_ what: String, _ instance: ServiceInstance?) async {
    let url = (last.withLock { $0 }?.baseURL ?? "") + "/health/ready"
    let response = try? await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(5))
    kept.withLock { $0.append(Note(what: what, instance: instance, ready: response.map { Int($0.status.code) })) }
  }
}

@Suite("A server's place in the registry", .timeLimit(.minutes(1)))
struct PresenceTests {
  private func run(
    _ registry: NotingRegistry, host: String = "127.0.0.1", _ advertisement: Advertisement = .init()
  ) async throws {
    let telemetry = ServiceTelemetry(service: "shop", level: .critical, output: LogOutput(collecting: .json))
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let server = try HTTPServer(
      service: "shop", host: host, port: 0, version: "1.2", endpoints: [],
      responder: try Routes(.init(verifier: nil)).build(declared: [], telemetry: telemetry.http), checks: [],
      registry: registry, advertisement: advertisement, eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
      telemetry: telemetry
    ) { continuation.yield($0) }
    let group = ServiceGroup(services: [server], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let running = Task { try await group.run() }
    #expect(await ports.first { _ in true } != nil)
    await group.triggerGracefulShutdown()
    try await running.value
  }

  @Test("it registers when it takes requests, and leaves while it still does")
  func order() async throws {
    let registry = NotingRegistry()
    try await run(registry)
    #expect(registry.notes.map(\.what) == ["in", "out"])
    #expect(registry.notes.map(\.ready) == [200, 503], "answered both times, the second time as one that goes")
    let instance = try #require(registry.notes.first?.instance)
    #expect(instance.id == "shop-127.0.0.1-\(instance.port)")
    #expect(instance.version == "1.2" && instance.port > 0)
  }

  @Test("it is known by the address that others reach, with its zone and weight")
  func advertised() async throws {
    let registry = NotingRegistry()
    try await run(registry, host: "0.0.0.0", Advertisement(host: "127.0.0.2", zone: "west", weight: 3))
    let instance = try #require(registry.notes.first?.instance)
    #expect(instance.host == "127.0.0.2" && instance.zone == "west" && instance.weight == 3)
    #expect(instance.id == "shop-127.0.0.2-\(instance.port)")
  }

  @Test("a registry that is away keeps it neither from serving nor from ending")
  func away() async throws {
    let registry = NotingRegistry()
    registry.isAway.withLock { $0 = true }
    try await run(registry)
    #expect(registry.notes.map(\.what) == ["in", "out"])
  }
}
