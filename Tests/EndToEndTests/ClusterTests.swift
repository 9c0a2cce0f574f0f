import Foundation
import Patience
import Synchronization
import Testing

/// Three of what shares sessions and limits, and two of everything, each a process, on PostgreSQL, RabbitMQ and whatever else there is.
@Suite(
  "Several instances of everything", .serialized, .timeLimit(.minutes(6)),
  .enabled(if: Cluster.isPossible, "PostgreSQL and RabbitMQ are not there"))
struct ClusterTests {
  @Test("a session that ends at one gateway is over at every other within a second, and one limit holds for all")
  func shared() async throws {
    let cluster = try await Cluster.start(
      instances: 3, parts: ["auth", "user", "gateway"], environment: ["GRAVITY_GATEWAY_SIGN_IN_LIMIT": "40"])
    defer { cluster.remove() }
    let visitors = cluster.gateways.map { Visitor(base: $0) }
    for visitor in visitors { try await visitor.waitUntilReady() }

    // Whoever registered through one is known to the other, and so are its tokens, whichever auth signed them.
    let (member, email, refresh) = try await visitors[0].newcomer()
    for visitor in cluster.gateways.map({ Visitor(base: $0, token: member.token) }) {
      for _ in 0..<4 {
        #expect(try await Visitor.decided { try await visitor.get("/api/v1/auth/me") }.text("email") == email)
      }
    }
    // A refresh token is used up for all: asked once more, for an answer that was lost, there is the same successor,
    // and none for one that is older.
    func refreshed(_ token: String?, at place: Int) async throws -> Visitor.Reply {
      try await visitors[place].send("POST", "/api/v1/auth/refresh", ["refresh_token": token ?? ""])
    }
    let second = try await refreshed(refresh, at: 1).text("refresh_token")
    #expect(second != nil && second != refresh)
    #expect(try await refreshed(refresh, at: 0).text("refresh_token") == second)
    #expect(try await refreshed(second, at: 2).status == 200)
    #expect(try await refreshed(refresh, at: 1).status == 401)

    let (other, _, _) = try await visitors[0].newcomer()
    let loggedOut = try await Visitor.decided { try await other.send("POST", "/api/v1/auth/logout") }
    #expect(loggedOut.status == 204)
    let began = ContinuousClock.now
    let everywhere = cluster.gateways.map { Visitor(base: $0, token: other.token) }
    var refused = 0
    // Each of the three auths answers some of these; after a second none may let it in.
    while began.duration(to: .now) < .seconds(3) {
      for visitor in everywhere {
        let asked = ContinuousClock.now
        let reply = try await visitor.get("/api/v1/auth/me")
        if asked - began > .seconds(1) {
          #expect(reply.status == 401 || reply.status == 503, "\(reply.status)")
          refused += 1
        }
      }
    }
    #expect(refused > 0)
    for visitor in everywhere {
      #expect(try await Visitor.decided { try await visitor.get("/api/v1/auth/me") }.status == 401)
    }
    if Cluster.hasRedis { try await oneLimit(visitors, cluster.members(of: "gateway")) }
    #expect(await cluster.stop().values.allSatisfy { $0.allSatisfy { $0 == 0 } })
  }

  /// Forty a minute from one address, through whichever gateway.
  private func oneLimit(_ visitors: [Visitor], _ gateways: [PlatformProcess]) async throws {
    let began = ContinuousClock.now
    var admitted = 0
    for number in 0..<90 {
      let reply = try await visitors[number % visitors.count].send(
        "POST", "/api/v1/auth/recovery", ["email": "nobody@example.com"])
      if reply.status != 429 { admitted += 1 }
    }
    let refilled = Int(began.duration(to: .now) / .seconds(1.5)) + 1
    #expect(admitted >= 20)
    // On a machine so busy that Redis is late, each has its share besides, and says so.
    let isShared = !gateways.contains { $0.output.contains("the store of limits does not answer") }
    #expect(admitted <= 40 + refilled + (isShared ? 0 : 40))
  }

  @Test("every process is restarted while clients work, and none of their requests fails")
  func rollingRestart() async throws {
    let cluster = try await Cluster.start(
      instances: 2, environment: ["GRAVITY_GATEWAY_RATE_LIMIT": "1000000"])
    defer { cluster.remove() }
    for gateway in cluster.gateways { try await Visitor(base: gateway).waitUntilReady() }
    let balancer = Balancer(cluster.gateways)
    let visitor = Visitor(base: cluster.gateways[0])
    let administrator = try await visitor.administrator()
    try await Shop.article("ROLL", stock: 1_000_000, administrator)
    let (member, _, _) = try await visitor.newcomer()
    let tally = Tally()
    let restarted = try await withThrowingTaskGroup(of: [Int32].self) { group in
      group.addTask {
        await balancer.watch()
        return []
      }
      for client in 0..<4 {
        group.addTask {
          await work(balancer, member.token, client, tally)
          return []
        }
      }
      group.addTask {
        var codes: [Int32] = []
        for part in Cluster.parts {
          for index in 0..<2 {
            codes.append(try await cluster.restart(part, index))
            // The next one only when this one is seen by those who send it requests, as a deployment waits, too.
            try await tally.more(than: 8)
          }
        }
        return codes
      }
      var codes: [Int32] = []
      for try await some in group where !some.isEmpty {
        codes = some
        group.cancelAll()
      }
      return codes
    }
    #expect(restarted == Array(repeating: 0, count: 16))
    #expect(tally.failures.isEmpty, "\(tally.failures.prefix(20)) of \(tally.count)")
    #expect(tally.orders > 10)
    let ledger = try await visitor.administrator().get("/api/v1/payments/ledger/balance")
    #expect(String(decoding: ledger.body, as: UTF8.self).contains("\"balanced\":true"))
    #expect(await cluster.stop().values.allSatisfy { $0.allSatisfy { $0 == 0 } })
  }

  /// Reads and orders until the task is cancelled.
  private func work(_ balancer: Balancer, _ token: String?, _ client: Int, _ tally: Tally) async {
    var round = 0
    while !Task.isCancelled {
      round += 1
      await tally.note("me") { try await balancer.send("GET", "/api/v1/auth/me", token: token) }
      await tally.note("profile") { try await balancer.send("GET", "/api/v1/users/me", token: token) }
      await tally.note("products") { try await balancer.send("GET", "/api/v1/products", token: token) }
      await tally.note("order", isOrder: true) {
        try await balancer.send(
          "POST", "/api/v1/orders", Shop.order("ROLL", 1, "pm_sim_approve"), token: token,
          headers: [("Idempotency-Key", "roll-\(client)-\(round)"), ("Prefer", "wait=10")])
      }
    }
  }
}

/// What became of the clients' requests.
private final class Tally: Sendable {
  private struct State {
    var count = 0
    var orders = 0
    var failures: [String] = []
  }
  private let state = Mutex(State())
  var count: Int { state.withLock { $0.count } }
  var orders: Int { state.withLock { $0.orders } }
  var failures: [String] { state.withLock { $0.failures } }

  func note(_ what: String, isOrder: Bool = false, _ ask: () async throws -> Visitor.Reply) async {
    let failure: String?
    do {
      let reply = try await ask()
      failure =
        (200..<300).contains(reply.status)
        ? nil : "\(what): \(reply.status) \(String(decoding: reply.body.prefix(300), as: UTF8.self))"
    } catch {
      // Cut off by the test itself.
      if Task.isCancelled { return }
      failure = "\(what): \(error)"
    }
    state.withLock { state in
      state.count += 1
      if let failure { state.failures.append(failure) } else if isOrder { state.orders += 1 }
    }
  }

  /// Returns when so many more requests were answered.
  func more(than count: Int) async throws {
    let goal = self.count + count
    try await eventually("\(goal) requests are answered") { self.count >= goal }
  }
}
