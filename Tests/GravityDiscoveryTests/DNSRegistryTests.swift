import GravityDiscovery
import Logging
import RegistryConformance
import ServiceLifecycle
import Synchronization
import Testing

@Suite("Instances by DNS", .timeLimit(.minutes(1)))
struct DNSRegistryTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  @Test(
    "a template makes a name for each service",
    arguments: [
      ("{service}.gravity-services.svc.cluster.local:{port}", "http://10.0.0.1:8001"),
      ("{service}:9000", "http://10.0.0.1:9000"), ("localhost:{port}", "http://10.0.0.1:8001"),
    ])
  func templates(_ template: String, _ address: String) async throws {
    let registry = DNSRegistry(try DNSTemplate(template), ports: ["auth": 8001], logger: Self.logger) { name in
      #expect(name == String(template.split(separator: ":")[0]).replacing("{service}", with: "auth"))
      return ["10.0.0.1"]
    }
    let running = Task { try await registry.run() }
    var sets = registry.instances(of: "auth").makeAsyncIterator()
    #expect(await sets.next()?.map(\.baseURL) == [address])
    running.cancel()
    try await running.value
  }

  @Test(
    "a mistake in it is told with what was expected",
    arguments: ["{service}", "{service}:0", "{service}:http", ":{port}", "a b:{port}", "{name}:80", "localhost:80"])
  func mistakes(_ text: String) { #expect(throws: DNSTemplate.Malformed.self) { try DNSTemplate(text) } }

  @Test("the system's resolver finds what this machine knows", arguments: ConformanceCase.givenOnes)
  func given(_ conformance: ConformanceCase) async throws {
    try await conformance.run(
      on: EngineUnderTest(isShared: false, given: ("auth", ["http://127.0.0.1:8001"])) {
        // A number needs no name server, and takes the same way through the system's resolver.
        let registry = DNSRegistry(try DNSTemplate("127.0.0.1:{port}"), ports: ["auth": 8001], logger: Self.logger)
        return .init(registry: registry, services: [registry])
      })
  }

  @Test("localhost resolves to loopback")
  func localhost() async throws {
    let registry = DNSRegistry(try DNSTemplate("localhost:{port}"), ports: ["auth": 8001], logger: Self.logger)
    let running = Task { try await registry.run() }
    var sets = registry.instances(of: "auth").makeAsyncIterator()
    let set = await sets.next() ?? []
    #expect(!set.isEmpty && set.allSatisfy { $0.host.hasPrefix("127.") || $0.host == "::1" }, "\(set)")
    running.cancel()
    try await running.value
  }

  @Test("changes are heard; no answer, and an answer of none, leave the last addresses in force")
  func lastKnownGood() async throws {
    let script = Mutex<[Result<[String], LookupError>]>([
      .success(["10.0.0.2", "10.0.0.1"]), .success(["10.0.0.1", "10.0.0.2"]),
      .failure(LookupError(name: "auth", isMissing: false, reason: "no name server")),
      .failure(LookupError(name: "auth", isMissing: true, reason: "no such name")), .success([]),
      .success(["10.0.0.3"]),
    ])
    let registry = DNSRegistry(
      try DNSTemplate("{service}:80"), ports: [:], every: .milliseconds(5), logger: Self.logger
    ) { _ in try script.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }.get() }
    let running = Task { try await registry.run() }
    var sets = registry.instances(of: "auth").makeAsyncIterator()
    #expect(await sets.next()?.map(\.host) == ["10.0.0.1", "10.0.0.2"])
    #expect(
      await sets.next()?.map(\.host) == ["10.0.0.3"], "nothing in between: neither order nor failures are changes")
    running.cancel()
    try await running.value
  }

  @Test("a resolver that hangs holds up neither other services nor the end")
  func hanging() async throws {
    let registry = DNSRegistry(
      try DNSTemplate("{service}:80"), ports: [:], every: .milliseconds(5), logger: Self.logger
    ) { name in
      if name == "slow" { try await Task.sleep(for: .seconds(3600)) }
      return ["10.0.0.1"]
    }
    let group = ServiceGroup(services: [registry], logger: Self.logger)
    let running = Task { try await group.run() }
    var slow = registry.instances(of: "slow").makeAsyncIterator()
    var fast = registry.instances(of: "fast").makeAsyncIterator()
    #expect(await fast.next()?.count == 1)
    await group.triggerGracefulShutdown()
    try await running.value
    let nothing = Task { await slow.next() }
    nothing.cancel()
    #expect(await nothing.value == nil)
  }
}
