import GravityContracts
import GravityDiscovery
import Patience
import Synchronization
import Testing

@testable import Gateway

@Suite("Balanced routes") struct BalancedRouteTests {
  private static func routes(_ balance: Balancing) -> [Route] {
    var route = Route("items.one", path: "/items/{id}", service: "items", access: .public, balance: balance)
    // On a busy machine a look at somebody's health may come too late, and is not what is tested.
    route.health = .passive
    return [route]
  }

  @Test("requests with one key go to one instance on every event loop, and those with others to others")
  func hashed() async throws {
    let upstreams = [
      try await ScriptedUpstream { _ in .ok("1") }, try await ScriptedUpstream { _ in .ok("2") },
      try await ScriptedUpstream { _ in .ok("3") },
    ]
    try await RunningGateway.run(upstreams, routes: Self.routes(.consistentHash(by: .pathField("id")))) { gateway in
      var all: Set<String> = []
      for id in 0..<12 {
        var bodies: Set<String> = []
        for _ in 0..<6 { bodies.insert(try await gateway.get("/items/\(id)").body) }
        #expect(bodies.count == 1)
        all.formUnion(bodies)
      }
      #expect(all == ["1", "2", "3"])
    }
  }

  @Test("least connections goes round an instance that is stuck with what other connections have asked")
  func leastConnections() async throws {
    let stuck = try await ScriptedUpstream { $0.head.contains("/health") ? .ok() : .hang }
    let quick = try await ScriptedUpstream { _ in .ok("quick") }
    try await RunningGateway.run([stuck, quick], routes: Self.routes(.leastConnections)) { gateway in
      var clients: [RawClient] = []
      while stuck.requests.isEmpty, clients.count < 50 {
        let client = try await gateway.connect()
        clients.append(client)
        try await client.send("POST /items/1 HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n")
        let count = clients.count
        try await eventually("all are asked") { stuck.requests.count + quick.requests.count == count }
      }
      #expect(stuck.requests.count == 1)
      for _ in 0..<20 {
        let response = try await gateway.get("/items/1")
        #expect(response.body == "quick")
      }
      for client in clients { await client.close() }
    }
  }

  @Test("an instance that fails a third of its requests gets none any more, and nobody else is out")
  func ejected() async throws {
    let count = Mutex(0)
    let bad = try await ScriptedUpstream { request in
      guard !request.head.contains("/health") else { return .ok() }
      let number = count.withLock { count in
        count += 1
        return count
      }
      return number % 3 == 0 ? .text("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n") : .ok()
    }
    let good = [try await ScriptedUpstream { _ in .ok() }, try await ScriptedUpstream { _ in .ok() }]
    try await RunningGateway.run(
      [bad] + good, routes: Self.routes(.roundRobin),
      configure: {
        $0.ejection.interval = .milliseconds(20)
        $0.ejection.intervals = 10_000
        $0.ejection.minimumRequests = 10
        $0.ejection.base = .seconds(600)
        // What is judged is the answers, whatever a busy machine makes of health checks.
        $0.health.timeout = .seconds(30)
      }
    ) { gateway in
      try await eventually("the bad one is left alone") {
        let before = bad.requests.count
        for _ in 0..<(3 * System.loops) { _ = try? await gateway.get("/items/1") }
        return bad.requests.count == before
      }
      let before = good.map(\.requests.count)
      for _ in 0..<(6 * System.loops) {
        let response = try await gateway.get("/items/1")
        #expect(response.status == 200)
      }
      #expect(zip(before, good).allSatisfy { $0 < $1.requests.count })
    }
  }
}
