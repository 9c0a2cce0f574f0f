import CoreMetrics
import Gateway
import GravityContracts
import GravityDiscovery
import GravityIdentity
import Patience
import Synchronization
import Testing

@Suite("Routes that are replaced")
struct ReplacedRoutesTests {
  @Test("replaced hundreds of times while requests flow, and every request is answered by one set or the other")
  func underLoad() async throws {
    let (first, second) = (
      try await ScriptedUpstream { _ in .ok("first") }, try await ScriptedUpstream { _ in .ok("second") }
    )
    try await RunningGateway.run([first, second], routes: Self.routes(to: "a")) { running async throws in
      running.registry.register(ServiceInstance(id: "a", service: "a", host: "127.0.0.1", port: first.port))
      running.registry.register(ServiceInstance(id: "b", service: "b", host: "127.0.0.1", port: second.port))
      try await running.gateway.replace(routes: Self.routes(to: "a"))
      let load = Load()
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for client in 0..<8 {
          tasks.addTask {
            let connection = try await running.connect()
            while !load.isOver {
              // Some with a token, which is remembered with what it may do.
              let path = client % 2 == 0 ? "/moving" : "/guarded"
              try await connection.send("GET \(path) HTTP/1.1\r\nhost: test\r\nauthorization: Bearer good\r\n\r\n")
              let response = try await connection.response()
              #expect(response.status == 200, "\(response.body)")
              load.count(response.body)
            }
            await connection.close()
          }
        }
        for round in 0..<300 {
          let service = round % 2 == 0 ? "b" : "a"
          try await running.gateway.replace(routes: Self.routes(to: service, round: round))
          // From now on, on whichever loop.
          #expect(try await running.get("/moving").body == (service == "a" ? "first" : "second"))
        }
        load.end()
        try await tasks.waitForAll()
      }
      let counts = load.answers
      #expect((counts["first"] ?? 0) > 50 && (counts["second"] ?? 0) > 50, "\(counts)")
      #expect(running.gateway.generation == 302)
      #expect(running.log.entries.allSatisfy { $0.status == 200 })
    }
  }

  /// Routes at another place each time, and with another permission asked at the places between.
  private static func routes(to service: String, round: Int = 0) -> [Route] {
    let moving = Route("moving", path: "/moving", service: service, access: .public)
    let guarded = Route("guarded", path: "/guarded", service: service, access: .permission("items:read"))
    let others = (0..<(round % 5)).map {
      Route("other-\($0)", path: "/other/\($0)", service: service, access: .permission("items:write"))
    }
    return round % 2 == 0 ? others + [guarded, moving] : [moving] + others + [guarded]
  }

  @Test("routes that contradict are refused, and the former stay")
  func refused() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { running async throws in
      for bad in [
        [Self.route("x", "/same"), Self.route("y", "/same")], [Self.route("x", "no-slash")],
        [Self.route("x", "/health")],
        [
          Self.route("x", "/x"),
          Self.route("y", "/y", { $0.health = .passive }),
        ],
      ] {
        let error = await #expect(throws: RouteError.self) { try await running.gateway.replace(routes: bad) }
        #expect(error?.route == bad.count - 1)
      }
      #expect(running.gateway.generation == 1)
      #expect(try await running.get("/items").status == 200)
      #expect(try await running.get("/same").status == 404)
    }
  }

  @Test("a request that is under way ends by the route that it came in by, and its service is let go then")
  func underWay() async throws {
    let upstream = try await ScriptedUpstream { request in
      request.head.contains("/items/slow") ? .hang : .ok()
    }
    let registry = WatchedRegistry()
    registry.register(ServiceInstance(id: "items-1", service: "items", host: "127.0.0.1", port: upstream.port))
    try await RunningGateway.run(
      [upstream], registry: registry, configure: { $0.timeouts.firstByte = .milliseconds(700) }
    ) { running async throws in
      let client = try await running.connect()
      try await client.send("GET /items/slow HTTP/1.1\r\nhost: test\r\n\r\n")
      try await eventually("the service is asked") { upstream.requests.count == 1 }
      #expect(registry.watched == ["items"])
      try await running.gateway.replace(routes: [Self.route("other", "/other", service: "other")])
      // By its own time-out, though no route leads there any more.
      #expect(try await client.response().status == 504)
      #expect(try await running.get("/items/slow").status == 404)
      try await eventually("the old service is not watched any more") { registry.watched == ["other"] }
      try await eventually("its instances are gone") { await running.gateway.instances().isEmpty }
    }
  }

  @Test("what a token may do is asked anew by the routes that are there now")
  func access() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let reading = Self.route("one", "/one", { $0.access = .permission("items:read") })
    try await RunningGateway.run([upstream], routes: [reading]) { running async throws in
      let client = try await running.connect()
      func ask() async throws -> Int {
        try await client.send("GET /one HTTP/1.1\r\nhost: test\r\nauthorization: Bearer good\r\n\r\n")
        return try await client.response().status
      }
      #expect(try await ask() == 200)
      try await running.gateway.replace(routes: [Self.route("one", "/one", { $0.access = .permission("items:write") })])
      #expect(try await ask() == 403)
      try await running.gateway.replace(routes: [reading])
      #expect(try await ask() == 200)
      // The token itself was verified once.
      #expect(running.verifier.calls.value == 1)
    }
  }

  @Test("what was used of a limit stays used wherever its route stands, and a limit that was changed stays changed")
  func limits() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let limited = Self.route(
      "limited", "/limited", { $0.rateLimit = RateLimit("few", requests: 2, per: .seconds(3_600)) })
    try await RunningGateway.run([upstream], routes: [limited]) { running async throws in
      #expect(try await running.get("/limited").status == 200)
      #expect(try await running.get("/limited").status == 200)
      try await running.gateway.replace(routes: [Self.route("first", "/first"), limited])
      #expect(try await running.get("/limited").status == 429)
      #expect(running.gateway.limits.first { $0.route == "limited" }?.refused == 1)
      await running.gateway.limit(to: 100, of: "few")
      try await running.gateway.replace(routes: [limited])
      let limit = running.gateway.limits.first { $0.route == "limited" }
      #expect(limit?.refused == 1)
      #expect(limit?.limit.requests == 100)
    }
  }

  @Test("a limit that is only watched is told of when a new set brings it")
  func shadow() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let log = KeptLog()
    try await RunningGateway.run([upstream], logger: log.logger) { running async throws in
      try await running.gateway.replace(routes: [
        Self.route(
          "watched", "/watched", { $0.rateLimit = RateLimit("w", requests: 1, per: .seconds(3_600), isShadow: true) })
      ])
      for _ in 0..<3 { #expect(try await running.get("/watched").status == 200) }
      #expect(log.count("a limit that is only watched would have refused requests") == 1)
      #expect(running.gateway.limits.map(\.watched) == [2])
    }
  }

  @Test("attempts are the route's own where it says so")
  func attempts() async throws {
    let upstream = try await ScriptedUpstream { _ in .close }
    let routes = [Self.route("once", "/once", { $0.attempts = 1 }), Self.route("often", "/often", { $0.attempts = 4 })]
    try await RunningGateway.run([upstream], routes: routes, configure: { $0.breaker.consecutiveFailures = 100 }) {
      running async throws in
      #expect(try await running.get("/once").status == 502)
      #expect(upstream.requests.count == 1)
      #expect(try await running.get("/often").status == 502)
      #expect(upstream.requests.count == 5)
    }
  }

  @Test("answers are counted by route over all loops, go on counting over a change, and are forgotten with their route")
  func traffic() async throws {
    let failure = "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
    let upstream = try await ScriptedUpstream { $0.head.contains("/fail") ? .text(failure) : .ok() }
    let (kept, gone) = (Self.route("kept", "/kept/**"), Self.route("gone", "/gone"))
    try await RunningGateway.run([upstream], routes: [kept, gone]) { running async throws in
      for _ in 0..<10 { #expect(try await running.get("/kept/x").status == 200) }
      #expect(try await running.get("/kept/fail").status == 500)
      #expect(try await running.get("/gone").status == 200)
      #expect(try await running.get("/nowhere").status == 404)
      let before = await running.gateway.traffic()
      #expect(before["kept"]?.answers == [0, 10, 0, 0, 1])
      #expect(before[""]?.answers == [0, 0, 0, 1, 0])
      let median = try #require(before["kept"]?.latency.quantile(0.5))
      let entries = running.log.entries.filter { $0.route == "kept" }.map(\.duration).sorted()
      // The middle one, and at most an eighth more.
      #expect(median >= entries[5] && median <= max(1 << 13, entries[5] + entries[5] / 8 + 1), "\(median) \(entries)")
      try await running.gateway.replace(routes: [Self.route("new", "/new"), kept])
      #expect(try await running.get("/kept/x").status == 200)
      let after = await running.gateway.traffic()
      #expect(after["kept"]?.answers == [0, 11, 0, 0, 1])
      #expect(after["gone"] == nil)
    }
  }

  @Test("an instance's breaker is told with the time that is left, and can be reset")
  func breakers() async throws {
    // Its port refuses connections: what it answers would concern the route's breaker.
    let upstream = try await ScriptedUpstream { _ in .close }
    await upstream.close()
    try await RunningGateway.run(
      [upstream],
      configure: { configuration in
        configuration.breaker.firstOpen = .seconds(60)
        configuration.breaker.maximumOpen = .seconds(60)
      }
    ) { running async throws in
      #expect(await running.gateway.instances().map(\.breaker) == [.closed])
      for _ in 0..<6 { _ = try await running.get("/items") }
      let open = try #require(await running.gateway.instances().first)
      guard case .open(let left) = open.breaker else { return #expect(Bool(false), "\(open)") }
      #expect(left > .seconds(30) && left <= .seconds(72))
      #expect(open.address == "127.0.0.1:\(upstream.port)" && open.service == "items" && open.id == "items-1")
      #expect(try await running.get("/items").status == 503)
      #expect(!running.gateway.resetBreaker(of: "nobody", service: "items"))
      #expect(running.gateway.resetBreaker(of: "items-1", service: "items"))
      #expect(await running.gateway.instances().map(\.breaker) == [.closed])
      #expect(try await running.get("/items").status == 502)
    }
  }

  @Test("nobody asks a service whose health is known by its requests alone")
  func passive() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let probed = try await ScriptedUpstream { _ in .ok() }
    let routes = [
      Self.route("quiet", "/quiet", { $0.health = .passive }),
      Self.route("loud", "/loud", service: "loud", { $0.health = .probe(path: "/how", interval: .milliseconds(20)) }),
    ]
    try await RunningGateway.run([upstream], routes: routes) { running async throws in
      running.registry.register(ServiceInstance(id: "loud-1", service: "loud", host: "127.0.0.1", port: probed.port))
      try await eventually("it is probed") { probed.requests.count { $0.head.hasPrefix("GET /how ") } > 3 }
      try await eventually("the health is up") { (try? await running.get("/health"))?.member("status") == "up" }
      #expect(upstream.connections == 0)
      #expect(await running.gateway.instances().map(\.isProbed) == [false, true])
      await probed.close()
    }
  }

  private static func route(
    _ name: String, _ path: String, service: String = "items", _ edit: (inout Route) -> Void = { _ in }
  ) -> Route {
    var route = Route(name, path: path, service: service, access: .public)
    edit(&route)
    return route
  }
}

/// Requests that go on until somebody ends them.
private final class Load: Sendable {
  private let state = Mutex((isOver: false, answers: [String: Int]()))
  var isOver: Bool { state.withLock(\.isOver) }
  var answers: [String: Int] { state.withLock(\.answers) }
  func end() { state.withLock { $0.isOver = true } }
  func count(_ answer: String) { state.withLock { $0.answers[answer, default: 0] += 1 } }
}

/// A registry that knows who listens.
final class WatchedRegistry: Registry {
  private let registry = InProcessRegistry()
  private let services = Mutex<[String: Int]>([:])

  var watched: [String] { services.withLock { $0.filter { $0.value > 0 }.keys.sorted() } }

  func register(_ instance: ServiceInstance) { registry.register(instance) }
  func deregister(id: String) { registry.deregister(id: id) }

  func instances(of service: String) -> AsyncStream<[ServiceInstance]> {
    services.withLock { $0[service, default: 0] += 1 }
    let inner = registry.instances(of: service)
    let (stream, continuation) = AsyncStream.makeStream(of: [ServiceInstance].self)
    let task = Task {
      for await set in inner { continuation.yield(set) }
      continuation.finish()
    }
    continuation.onTermination = { [self] _ in
      task.cancel()
      services.withLock { $0[service, default: 1] -= 1 }
    }
    return stream
  }
}
