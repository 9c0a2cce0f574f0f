import Foundation
import GravityContracts
import GravityDiscovery
import NIOCore
import NIOPosix
import Patience
import Testing

@testable import Gateway

/// How many event loops the tests' gateways have.
enum System {
  static let loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator()).count
}

@Suite("Bad days") struct BadDayTests {
  /// Nobody listens on tcpmux, and no test is given it: a port that was free a moment ago may be another test's now.
  private let closedPort = 1

  @Test("a service without an instance is 503")
  func none() async throws {
    try await RunningGateway.run([]) { gateway in
      let response = try await gateway.get("/items")
      #expect(response.status == 503 && response.member("code") == "no_instance")
      #expect(response.header("retry-after") == "1")
    }
  }

  @Test("an instance that refuses connections is 502; beside a good one nobody notices")
  func refusing() async throws {
    let good = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([]) { gateway in
      gateway.registry.register(ServiceInstance(id: "bad", service: "items", host: "127.0.0.1", port: closedPort))
      try await eventually("the bad one is asked") { (try? await gateway.get("/items").status) == 502 }
      gateway.use(good, id: "good")
      try await eventually("the good one is known") { (try? await gateway.get("/items").status) == 200 }
      for _ in 0..<20 {
        let response = try await gateway.ask(
          "POST /items HTTP/1.1\r\nhost: test\r\ncontent-length: 3\r\n\r\nabc")
        #expect(response.status == 200)
      }
      #expect(good.requests.suffix(20).allSatisfy { $0.body == "abc" })
    }
  }

  @Test("an instance that hangs is 504, and opens its breaker in time")
  func hanging() async throws {
    let upstream = try await ScriptedUpstream { $0.head.contains("/health") ? .ok() : .hang }
    try await RunningGateway.run(
      [upstream],
      configure: {
        $0.timeouts.firstByte = .milliseconds(40)
        $0.breaker.consecutiveFailures = 3
        $0.breaker.firstOpen = .seconds(30)
      }
    ) { gateway in
      for _ in 0..<3 {
        let response = try await gateway.get("/items")
        #expect(response.status == 504 && response.member("code") == "upstream_timeout")
      }
      let open = try await gateway.get("/items")
      #expect(open.status == 503 && open.member("code") == "circuit_open" && open.member("breaker") == "open")
      #expect(open.header("retry-after").flatMap { Int($0) }.map { $0 > 0 } == true)
      #expect(upstream.requests.count == 3)
    }
  }

  @Test("an endpoint that hangs or fails is left alone by itself: the instance's other routes go on")
  func oneBadRoute() async throws {
    let upstream = try await ScriptedUpstream { request in
      if request.head.hasPrefix("GET /items/hangs") { return .hang }
      if request.head.hasPrefix("GET /strict ") {
        return .text("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
      }
      return .ok()
    }
    var routes = RunningGateway.routes
    routes.removeAll { $0.name == "items.strict" }
    routes.append(Route("items.failing", path: "/strict", service: "items", access: .public))
    try await RunningGateway.run(
      [upstream], routes: routes,
      configure: {
        $0.timeouts.firstByte = .milliseconds(1_500)
        $0.breaker.firstOpen = .seconds(30)
      }
    ) { gateway in
      for _ in 0..<5 {
        let (hanging, failing) = (try await gateway.get("/items/hangs"), try await gateway.get("/strict"))
        #expect(hanging.status == 504 && failing.status == 503 && failing.member("code") == nil)
      }
      let (hanging, failing) = (try await gateway.get("/items/other"), try await gateway.get("/strict"))
      #expect(hanging.status == 503 && hanging.member("code") == "circuit_open")
      #expect(failing.member("code") == "circuit_open")
      let good = try await gateway.get("/items")
      #expect(good.status == 200)
    }
  }

  @Test("a service that ends the connection without an answer: GET is tried again, POST is not")
  func closing() async throws {
    let upstream = try await ScriptedUpstream { $0.head.contains("/health") ? .ok() : .close }
    try await RunningGateway.run([upstream], configure: { $0.breaker.consecutiveFailures = 100 }) { gateway in
      let post = try await gateway.ask("POST /items HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\n\r\na")
      #expect(post.status == 502 && upstream.requests.count == 1)
      let get = try await gateway.get("/items")
      #expect(get.status == 502 && upstream.requests.count == 4)
    }
  }

  @Test("a service that dies in the middle of an answer ends the client's connection short of its length")
  func dying() async throws {
    let upstream = try await ScriptedUpstream { _ in
      .textThenClose("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")
    }
    try await RunningGateway.run([upstream]) { gateway in
      var (raw, asked) = ("502", 0)
      // A reset may overtake the beginning of the answer; then there was none, and 502 is right.
      while raw.contains("502"), asked < 5 {
        let client = try await gateway.connect()
        try await client.send("GET /items HTTP/1.1\r\nhost: test\r\n\r\n")
        raw = await client.rest()
        asked += 1
      }
      let count = asked
      #expect(raw.contains("200 OK") && raw.count { $0 == "a" } < 100)
      try await eventually("all are logged") { gateway.log.entries.count == count }
      #expect(gateway.log.entries.last?.refusal == "upstream_aborted")
    }
  }

  @Test("one that breaks off whatever it begins is left alone in the end")
  func breakingOff() async throws {
    let upstream = try await ScriptedUpstream { _ in
      .textThenClose("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")
    }
    let configure: @Sendable (inout GatewayConfiguration) -> Void = { configuration in
      (configuration.breaker.window, configuration.breaker.firstOpen) = (.seconds(600), .seconds(600))
      configuration.breaker.minimumRequests = 4
    }
    try await RunningGateway.run([upstream], configure: configure) { gateway in
      try await eventually("its breaker is open") {
        let client = try await gateway.connect()
        try await client.send("GET /items HTTP/1.1\r\nhost: test\r\n\r\n")
        return await client.rest().contains("circuit_open")
      }
    }
  }

  @Test("one that takes no connection in time is 504, and one that refuses it 502")
  func connecting() async throws {
    let full = try FullListener()
    let upstream = try await ScriptedUpstream { _ in .ok() }
    await upstream.close()
    let others = [ServiceInstance(id: "full", service: "full", host: "127.0.0.1", port: full.port)]
    let routes = RunningGateway.routes + [Route("full", path: "/full", service: "full", access: .public)]
    let configure: @Sendable (inout GatewayConfiguration) -> Void = { configuration in
      configuration.retries.attempts = 1
      configuration.timeouts.connect = .milliseconds(200)
    }
    try await RunningGateway.run([upstream], others: others, routes: routes, configure: configure) { gateway in
      let late = try await gateway.get("/full")
      #expect(late.status == 504 && late.body.contains("cannot be reached in time"), "\(late)")
      #expect(try await gateway.get("/items").status == 502)
    }
    full.close()
  }

  @Test("a route may take longer than others may in all")
  func patientRoute() async throws {
    let upstream = try await ScriptedUpstream { $0.head.contains("/items/") ? .hang : .ok() }
    let routes = [
      Route("slow", path: "/items/slow", service: "items", access: .public, timeout: .seconds(3_600)),
      Route("usual", path: "/items/usual", service: "items", access: .public),
    ]
    let configure: @Sendable (inout GatewayConfiguration) -> Void = { configuration in
      configuration.retries.attempts = 1
      configuration.timeouts.total = .milliseconds(200)
    }
    try await RunningGateway.run([upstream], routes: routes, configure: configure) { gateway in
      let slow = try await gateway.connect()
      try await slow.send("GET /items/slow HTTP/1.1\r\nhost: test\r\n\r\n")
      try await eventually("the service has it") { upstream.requests.count == 1 }
      // Told what it has, and still waited for when one that came later has had its time.
      #expect(upstream.requests[0].header("x-request-timeout-ms") == "3600000")
      #expect(try await gateway.get("/items/usual").status == 504)
      #expect(!gateway.log.entries.contains { $0.route == "slow" })
      await slow.close()
    }
  }

  @Test("a service that restarts on the same port is found again")
  func restarting() async throws {
    let first = try await ScriptedUpstream.onLastingPort { _ in .ok("1") }
    try await RunningGateway.run([first], configure: { $0.breaker.firstOpen = .milliseconds(20) }) { gateway in
      let before = try await gateway.get("/items")
      await first.close()
      let second = try await ScriptedUpstream(port: first.port) { _ in .ok("2") }
      #expect(before.body == "1")
      // Connections to the old one may live on; new ones go to the new one.
      try await eventually("the new one is asked") { (try? await gateway.get("/items"))?.status == 200 }
      await second.close()
    }
  }

  @Test("a client that leaves in the middle of its body takes the upstream's connection with it")
  func leaving() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send("POST /items HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\nabc")
      try await eventually("the service has a part") { upstream.receivedBytes > 0 }
      await client.close()
      try await eventually("the client is known to have left") { gateway.log.entries.contains { $0.status == 499 } }
      #expect(upstream.requests.isEmpty)
      let next = try await gateway.get("/items")
      #expect(next.status == 200)
    }
  }

  @Test("half a head is 408 in time, and silence just ends")
  func slowloris() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], configure: { $0.timeouts.head = .milliseconds(500) }) { gateway in
      // On a busy machine the half may come too late even for that; then the connection just ends, and it is sent again.
      try await eventually("it is refused in time") {
        guard let slow = try? await gateway.connect() else { return false }
        try? await slow.send("GET /items HTTP/1.1\r\nhost: te")
        guard let late = try? await slow.response() else { return false }
        return late.status == 408 && late.header("connection") == "close"
      }
      let silent = try await gateway.connect()
      #expect(await silent.rest() == "")
    }
  }

  @Test("a body that stops coming is 408")
  func slowBody() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], configure: { $0.timeouts.transferIdle = .milliseconds(60) }) { gateway in
      let response = try await gateway.ask("POST /items HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nabc")
      #expect(response.status == 408)
    }
  }

  @Test("a body that comes too slowly is 408 though it keeps coming; a call of gRPC may take its time")
  func trickle() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let configure: @Sendable (inout GatewayConfiguration) -> Void = { configuration in
      configuration.timeouts.bodyGrace = .milliseconds(200)
      configuration.limits.minimumBodyRate = 1_000_000
    }
    try await RunningGateway.run([upstream], configure: configure) { gateway in
      let head = "POST /items HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n"
      let call = try await gateway.connect()
      try await call.send("\(head)content-type: application/grpc\r\n\r\nab")
      let slow = try await gateway.connect()
      try await slow.send("\(head)\r\nab")
      let refused = try await slow.response()
      #expect(refused.status == 408 && upstream.requests.isEmpty, "\(refused)")
      try await call.send(String(repeating: "c", count: 998))
      #expect(try await call.response().status == 200)
    }
  }

  @Test("times that nobody lives to see bound nothing")
  func endlessTimes() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let configure: @Sendable (inout GatewayConfiguration) -> Void = { configuration in
      let endless = Duration.seconds(Int64.max)
      (configuration.timeouts.total, configuration.timeouts.firstByte) = (endless, endless)
      (configuration.timeouts.bodyGrace, configuration.timeouts.transferIdle) = (endless, endless)
      (configuration.timeouts.connect, configuration.balancing.slowStart) = (.seconds(2), endless)
    }
    try await RunningGateway.run([upstream], configure: configure) { gateway in
      let client = try await gateway.connect()
      try await client.send("POST /items HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nab")
      try await eventually("the service has a part") { upstream.receivedBytes > 0 }
      try await client.send("cd")
      #expect(try await client.response().status == 200)
    }
  }

  @Test("a body that is still on its way takes no other request's place")
  func slowUpload() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let configure: @Sendable (inout GatewayConfiguration) -> Void = { configuration in
      configuration.loops = 1
      (configuration.concurrency.minimum, configuration.concurrency.maximum) = (1, 1)
    }
    try await RunningGateway.run([upstream], configure: configure) { gateway in
      var uploads: [RawClient] = []
      for number in 1...5 {
        let client = try await gateway.connect()
        try await client.send("POST /items HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nab")
        try await eventually("the service has a part") { upstream.connections >= number }
        uploads.append(client)
      }
      #expect(try await gateway.get("/items").status == 200)
      for client in uploads {
        try await client.send("cd")
        #expect(try await client.response().status == 200)
      }
      #expect(try await gateway.get("/items").status == 200)
    }
  }

  @Test("an answer before the request has ended reaches the client, whose connection then closes")
  func early() async throws {
    let upstream = try await ScriptedUpstream(answersAtHead: true) { _ in .ok("early") }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send("POST /items HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000\r\n\r\nabc")
      let response = try await client.response()
      #expect(response.body == "early" && response.header("connection") == "close")
    }
  }

  @Test("the registry's changes are followed: a new instance gets requests, one taken out none")
  func registry() async throws {
    let first = try await ScriptedUpstream { _ in .ok("1") }
    let second = try await ScriptedUpstream { _ in .ok("2") }
    try await RunningGateway.run([first]) { gateway in
      _ = try await gateway.get("/items")
      gateway.use(second, id: "items-2")
      try await eventually("the second one is asked") { (try? await gateway.get("/items").body) == "2" }
      gateway.registry.deregister(id: "items-1")
      try await eventually("the second one is asked") { (try? await gateway.get("/items").body) == "2" }
      var bodies: Set<String> = []
      var inARow = 0
      for _ in 0..<10_000 where inARow < 10 {
        inARow = try await gateway.get("/items").body == "2" ? inARow + 1 : 0
      }
      for _ in 0..<20 { bodies.insert(try await gateway.get("/items").body) }
      #expect(bodies == ["2"])
      await second.close()
    }
  }
}
