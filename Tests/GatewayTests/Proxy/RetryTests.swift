import GravityContracts
import Testing

@testable import Gateway

@Suite("Retries and deadlines") struct RetryTests {
  private static let unavailable =
    "HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nbusy"

  @Test("an answer of 503 to what may be done twice is asked of another instance; to a POST it is passed on")
  func otherInstance() async throws {
    let sick = try await ScriptedUpstream { _ in .text(Self.unavailable) }
    let good = try await ScriptedUpstream { _ in .ok("good") }
    // In turn, so that both are asked however quick one of them is.
    let routes = RunningGateway.routes.map { route in
      var route = route
      route.balance = .roundRobin
      return route
    }
    try await RunningGateway.run(
      [sick, good], routes: routes,
      configure: {
        $0.breaker.consecutiveFailures = 1_000
        $0.breaker.failureRatio = 2
        $0.retries.budgetPerSecond = 1_000
        $0.health.interval = .seconds(3600)
        // Each is asked in turn, whatever its health.
        $0.balancing.panicShare = 1.1
      }
    ) { gateway in
      for _ in 0..<30 {
        let get = try await gateway.get("/items")
        #expect(get.status == 200 && get.body == "good")
      }
      #expect(!sick.requests.isEmpty && sick.connections <= 2 * System.loops + 2)
      var posts: Set<Int> = []
      for _ in 0..<200 where posts.count < 2 {
        posts.insert(try await gateway.ask("POST /items HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\n\r\na").status)
      }
      #expect(posts == [200, 503])
    }
  }

  @Test("without another instance the answer and its Retry-After are the client's, and no retry is made")
  func onlyInstance() async throws {
    let sick = try await ScriptedUpstream { _ in .text(Self.unavailable) }
    try await RunningGateway.run([sick]) { gateway in
      let get = try await gateway.get("/items")
      #expect(get.status == 503 && get.header("retry-after") == "7" && get.body == "busy")
      #expect(sick.requests.count == 1)
    }
  }

  @Test("what hangs at one instance is asked of another with the time that is left; a POST is 504")
  func hanging() async throws {
    let hangs = try await ScriptedUpstream { $0.head.contains("/health") ? .ok() : .hang }
    let good = try await ScriptedUpstream { _ in .ok("good") }
    try await RunningGateway.run(
      [hangs, good],
      configure: {
        $0.timeouts.firstByte = .seconds(2)
        $0.timeouts.total = .seconds(10)
        $0.breaker.consecutiveFailures = 1_000
        $0.breaker.failureRatio = 2
        $0.retries.budgetPerSecond = 1_000
        $0.ejection.isOn = false
      }
    ) { gateway in
      for _ in 0..<200 where hangs.requests.isEmpty {
        let get = try await gateway.get("/items")
        #expect(get.status == 200 && get.body == "good")
      }
      #expect(!hangs.requests.isEmpty)
      var posts: Set<Int> = []
      for _ in 0..<50 where !posts.contains(504) {
        posts.insert(try await gateway.ask("POST /items HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\n\r\na").status)
      }
      #expect(posts.contains(504) && posts.isSubset(of: [200, 504]))
    }
  }

  @Test("clients that do not wait open no breaker for those who do")
  func impatience() async throws {
    let upstream = try await ScriptedUpstream { request in
      (request.header("x-request-timeout-ms").flatMap { Int($0) } ?? 0) < 1_000 ? .hang : .ok("patient")
    }
    try await RunningGateway.run([upstream], configure: { $0.ejection.isOn = false }) { gateway in
      for _ in 0..<8 {
        let hasty = try await gateway.get("/items", headers: "x-request-timeout-ms: 5\r\n")
        #expect(hasty.status == 504 && hasty.member("code") == "upstream_timeout")
      }
      let patient = try await gateway.get("/items")
      #expect(patient.status == 200 && patient.body == "patient")
    }
  }

  @Test(
    "a client's time ends while it is still asking, too",
    arguments: ["x-request-timeout-ms: 150", "grpc-timeout: 150m"])
  func impatienceWhileAsking(_ field: String) async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      for _ in 0..<6 {
        let client = try await gateway.connect()
        try await client.send("POST /items HTTP/1.1\r\nhost: test\r\n\(field)\r\ncontent-length: 5\r\n\r\n1")
        let answer = try await client.response()
        #expect(answer.status == 504 && answer.member("code") == "upstream_timeout")
        await client.close()
      }
      // It was no fault of the service's.
      #expect(try await gateway.get("/items").status == 200)
    }
  }

  @Test("the time that is left travels: the route's, the client's where it is shorter, and less with each attempt")
  func deadlines() async throws {
    let upstream = try await ScriptedUpstream { request in
      request.head.contains("/items/hangs") ? .hang : .ok(request.header("x-request-timeout-ms") ?? "none")
    }
    let closes = try await ScriptedUpstream { $0.head.contains("/health") ? .ok() : .hang }
    var routes = RunningGateway.routes
    routes.append(Route("items.quick", path: "/quick", service: "items", access: .public, timeout: .seconds(3)))
    try await RunningGateway.run(
      [upstream], routes: routes,
      configure: {
        $0.timeouts.total = .seconds(20)
        $0.breaker.consecutiveFailures = 1_000
        $0.breaker.failureRatio = 2
        $0.retries.budgetPerSecond = 1_000
      }
    ) { gateway in
      func told(_ path: String, _ headers: String = "") async throws -> String {
        try await gateway.get(path, headers: headers).body
      }
      #expect(try await told("/quick") == "3000")
      #expect(try await told("/items") == "20000")
      #expect(try await told("/quick", "x-request-timeout-ms: 60000\r\n") == "3000")
      let short = Int(try await told("/quick", "X-Request-Timeout-Ms: 1500\r\n")) ?? 0
      #expect((1...1_500).contains(short))
      for nonsense in ["0", "-5", "soon", "1e3", "99999999999"] {
        #expect(try await told("/quick", "x-request-timeout-ms: \(nonsense)\r\n") == "3000")
      }
      #expect(try await told("/quick", "x-request-timeout-ms: 5\r\nx-request-timeout-ms: 6\r\n") == "3000")
      let late = try await gateway.get("/items/hangs", headers: "x-request-timeout-ms: 60\r\n")
      #expect(late.status == 504 && late.member("code") == "upstream_timeout")
      // gRPC's own, which travels on; the least of all holds.
      for (field, most) in [("1500m", 1_500), ("2S", 2_000), ("1500000u", 1_500)] {
        let left = Int(try await told("/quick", "grpc-timeout: \(field)\r\n")) ?? 0
        #expect((1...most).contains(left), "\(field): \(left)")
        #expect(upstream.requests.last?.header("grpc-timeout") == field)
      }
      for harmless in ["1M", "1H", "99999999H", "0S", "1", "S", "1s", "123456789m", "-1S", "1.5S", "1 S"] {
        #expect(try await told("/quick", "grpc-timeout: \(harmless)\r\n") == "3000", "\(harmless)")
      }
      #expect(try await told("/quick", "grpc-timeout: 1S\r\ngrpc-timeout: 2S\r\n") == "3000")
      let least1 = Int(try await told("/quick", "grpc-timeout: 2S\r\nx-request-timeout-ms: 900\r\n")) ?? 0
      let least2 = Int(try await told("/quick", "x-request-timeout-ms: 2000\r\ngrpc-timeout: 900m\r\n")) ?? 0
      #expect((1...900).contains(least1) && (1...900).contains(least2))
      let expired = try await gateway.get("/items/hangs", headers: "grpc-timeout: 60m\r\n")
      #expect(expired.status == 504 && expired.member("code") == "upstream_timeout")
      // The one that hangs took a second and more of the client's 6; the other is told what is left.
      gateway.use(closes, id: "items-2")
      var (least, asked) = (6_000, 0)
      while closes.requests.isEmpty, asked < 200 {
        let body = try await told("/quick", "x-request-timeout-ms: 6000\r\n")
        least = min(least, Int(body) ?? least)
        asked += 1
      }
      #expect(!closes.requests.isEmpty && least <= 3_000)
      await closes.close()
    }
  }
}
