import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Patience
import Synchronization
import Testing

/// Outside of the suite, which cannot name itself in a trait of its own.
private let consulAgent = ProcessInfo.processInfo.environment["GRAVITY_TEST_CONSUL_URL"]

/// Processes that know of one another by a real Consul alone.
@Suite(
  .timeLimit(.minutes(4)),
  .enabled(if: consulAgent != nil, "GRAVITY_TEST_CONSUL_URL is not set, or Consul cannot be had here"))
struct ConsulTests {
  private static func put(_ key: String, _ value: String) async throws {
    var request = HTTPClientRequest(url: "\(try #require(consulAgent))/v1/kv/\(key)")
    request.method = .PUT
    request.body = .bytes(ByteBuffer(string: value))
    #expect(try await HTTPClient.shared.execute(request, timeout: .seconds(10)).status == .ok)
  }

  @Test("two auths behind a gateway: one is killed, one is added, and a limit is changed, while requests go on")
  func twoAuths() async throws {
    let prefix = "e2e-\(UUID().uuidString.prefix(8).lowercased())/"
    let environment = SeparateProcessesTests.masterKey.merging([
      "CONSUL_HTTP_ADDR": try #require(consulAgent), "GRAVITY_CONSUL_PREFIX": prefix,
    ]) { $1 }
    let first = try await PlatformProcess.serve("auth", environment: environment)
    defer { first.remove() }
    let second = try await PlatformProcess.serve("auth", beside: first, port: 8_019, environment: environment)
    let gateway = try await PlatformProcess.serve("gateway", beside: first, environment: environment)
    let visitor = Visitor(base: gateway.gateway)
    try await visitor.waitUntilReady()
    try await Self.instances(of: gateway, are: [8_001, 8_019])

    await first.stop(SIGKILL)
    // Its check fails after 10 s; until then the gateway knows by itself.
    var failures = 0
    for _ in 0..<40 { if try await visitor.get("/.well-known/jwks.json").status >= 500 { failures += 1 } }
    #expect(failures == 0, "requests go to the one that lives")
    try await Self.instances(of: gateway, are: [8_019])

    let third = try await PlatformProcess.serve("auth", beside: first, port: 8_018, environment: environment)
    try await Self.instances(of: gateway, are: [8_018, 8_019])
    #expect(await second.stop() == 0)
    try await Self.instances(of: gateway, are: [8_018])
    #expect(try await visitor.get("/.well-known/jwks.json").status == 200)

    try await Self.put("\(prefix)gateway/rate/limit", "1")
    try await gateway.waitForLine("GRAVITY_GATEWAY_RATE_LIMIT is now 1", after: 0)
    try await eventually("the new limit refuses") {
      try await visitor.get("/.well-known/jwks.json").status == 429
    }
    try await Self.put("\(prefix)gateway/rate/limit", "none")
    try await gateway.waitForLine("a setting is refused, and its old value stays", after: 0)
    #expect(await gateway.stop() == 0)
    #expect(await third.stop() == 0)
  }

  @Test("a gateway alone takes its routes from a key, follows it, and keeps them while what stands there is bad")
  func routes() async throws {
    let key = "e2e-\(UUID().uuidString.prefix(8).lowercased())/routes"
    let agent = try #require(consulAgent)
    func file(_ path: String, _ access: String = "public") -> String {
      "routes:\n  - {name: agent, path: \(path), upstreams: [\"\(agent)\"], access: \(access)}\n"
    }
    try await Self.put(key, file("/v1/status/leader"))
    let gateway = try await PlatformProcess.serve(
      "gateway", routes: "consul:\(key)", environment: ["CONSUL_HTTP_ADDR": agent])
    defer { gateway.remove() }
    let visitor = Visitor(base: gateway.gateway)
    #expect(try await visitor.get("/v1/status/leader").status == 200)
    #expect(try await visitor.get("/v1/status/peers").code == "not_found")

    var mark = gateway.mark()
    try await Self.put(key, file("/v1/status/**"))
    try await gateway.waitForLine("routes were replaced", after: mark)
    #expect(try await visitor.get("/v1/status/peers").status == 200)

    mark = gateway.mark()
    try await Self.put(key, file("/v1/status/**", "whoever"))
    try await gateway.waitForLine("routes are refused, and the former stay", after: mark)
    #expect(try await visitor.get("/v1/status/peers").status == 200)
    #expect(await gateway.stop() == 0)
  }

  /// Waits until the gateway's health names these ports of auth, without the offset.
  private static func instances(of gateway: PlatformProcess, are ports: Set<Int>) async throws {
    let wanted = Set(ports.map { $0 + gateway.portOffset })
    let seen = Mutex<Set<Int>>([])
    try await eventually("auth is at \(wanted), not at \(seen.withLock { $0 })") {
      let body = String(decoding: try await Visitor(base: gateway.gateway).get("/health").body, as: UTF8.self)
      let found = Set(body.matches(of: /auth-127\.0\.0\.1-(\d+)/).compactMap { Int($0.output.1) })
      seen.withLock { $0 = found }
      return found == wanted
    }
  }
}
