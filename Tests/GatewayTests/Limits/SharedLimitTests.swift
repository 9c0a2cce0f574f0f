import Foundation
import Gateway
import GravityContracts
import GravityLimits
import Patience
import Testing

/// Limits that three gateways share, over sockets.
@Suite("Shared limits") struct SharedLimitTests {
  /// Twenty a second: the slowest of which requests are leased, so that little flows in during a test.
  private static let leased = RateLimit("leased", requests: 1_000, per: .seconds(50), by: .address)
  private static let share = 1_000 / 10 / 3

  private static func routes(_ limit: RateLimit) -> [Route] {
    [Route("items.list", path: "/items", methods: ["GET"], service: "items", access: .public, rateLimit: limit)]
  }

  private static func flowedIn(since start: ContinuousClock.Instant) -> Int {
    Int((ContinuousClock.now - start) / .milliseconds(50)) + 1
  }

  @Test("three gateways under load admit the limit together, but for what is leased and not used")
  func load() async throws {
    let (store, metrics) = (TestLimitStore(), KeptMetrics())
    try await ThreeGateways.run(
      store, routes: Self.routes(Self.leased), metrics: metrics, configure: { $0.sharedLimits.patience = .seconds(5) }
    ) { gateways in
      let start = ContinuousClock.now
      let statuses = try await ThreeGateways.load(gateways, "/items", connections: 6, requests: 80)
      let admitted = statuses.count(200)
      #expect(admitted + statuses.count(429) == 1_440)
      #expect(admitted <= 1_000 + Self.flowedIn(since: start))
      #expect(admitted >= 1_000 - 3 * 2 * Self.share)
      #expect(store.granted.values.reduce(0, +) >= 1_000, "the store gave away all there was")
      #expect(store.calls < 700, "most needed no call: \(store.calls)")
      try await eventually("leases decide") { metrics.value("gateway.limit.decisions{lease}") > 100 }
      #expect(metrics.value("gateway.limit.decisions{share}") == 0)
    }
  }

  @Test("a slow store admits no more than one that is not, and requests wait for it")
  func slow() async throws {
    let store = TestLimitStore()
    store.set(.slow(.milliseconds(10)))
    try await ThreeGateways.run(
      store, routes: Self.routes(Self.leased), configure: { $0.sharedLimits.patience = .seconds(5) }
    ) { gateways in
      let start = ContinuousClock.now
      let statuses = try await ThreeGateways.load(gateways, "/items", connections: 6, requests: 70)
      #expect(statuses.count(200) <= 1_000 + Self.flowedIn(since: start))
      #expect(statuses.count(200) >= 1_000 - 3 * 2 * Self.share)
    }
  }

  @Test("of a small limit exactly its number gets in, whichever gateway is asked, and the others are told when")
  func small() async throws {
    let store = TestLimitStore()
    let limit = RateLimit("strict", requests: 20, per: .seconds(3_600), by: .address)
    try await ThreeGateways.run(
      store, routes: Self.routes(limit), configure: { $0.sharedLimits.patience = .seconds(5) }
    ) { gateways in
      let statuses = try await ThreeGateways.load(gateways, "/items", connections: 3, requests: 5)
      #expect(statuses.count(200) == 20 && statuses.count(429) == 25)
      let calls = store.calls
      let refused = try await gateways[0].get("/items")
      #expect(store.calls == calls, "known to be empty, it is not asked")
      #expect(refused.status == 429 && refused.member("code") == "rate_limited" && refused.member("share") == nil)
      #expect(refused.header("ratelimit-policy") == #""strict";q=20;w=3600"#)
      #expect(refused.header("ratelimit")?.hasPrefix(#""strict";r=0;t="#) == true)
      #expect(Int(refused.header("retry-after") ?? "").map { (170...180).contains($0) } == true)
      #expect(refused.member("remaining") == "0" && refused.member("limit") == "20")
    }
  }

  @Test("tokens of one subject share a limit at all gateways, those of another do not")
  func subjects() async throws {
    let store = TestLimitStore()
    try await ThreeGateways.run(
      store,
      configure: {
        $0.rateLimit = RateLimit(requests: 4, per: .seconds(3_600))
        $0.sharedLimits.patience = .seconds(5)
      }
    ) { gateways in
      var statuses: [Int] = []
      for gateway in gateways + gateways { statuses.append(try await gateway.get("/mine", token: "good").status) }
      #expect(statuses == [200, 200, 200, 200, 429, 429])
      #expect(try await gateways[0].get("/mine", token: "good2").status == 200)
      #expect(store.granted.count == 2 && store.granted.keys.allSatisfy { $0.hasPrefix("gateway:default:") })
    }
  }

  @Test("while the store fails each gateway admits its share, says so once, and goes back when it answers")
  func failing() async throws {
    let (store, log, metrics) = (TestLimitStore(), KeptLog(), KeptMetrics())
    let limit = RateLimit("strict", requests: 30, per: .seconds(3_600), by: .address)
    try await ThreeGateways.run(
      store, routes: Self.routes(limit), log: log, metrics: metrics,
      configure: { $0.sharedLimits.patience = .seconds(5) }
    ) { gateways in
      store.set(.failing)
      let statuses = try await ThreeGateways.load(gateways, "/items", connections: 2, requests: 10)
      #expect(statuses.map { one in one.count { $0 == 200 } } == [10, 10, 10])
      #expect(log.count("the store of limits does not answer") == 1)
      #expect(metrics.value("gateway.limit.store.answering") == 0)
      #expect(metrics.value("gateway.limit.decisions{share}") == 20)
      #expect(metrics.value("gateway.limit.gateways") == 3)
      let refused = try await gateways[0].get("/items")
      #expect(refused.status == 429 && refused.member("share") == "10")
      #expect(refused.member("detail")?.contains("this one admits 10 of 30") == true)
      store.set(.good)
      try await eventually("the store is known to answer") { metrics.value("gateway.limit.store.answering") == 1 }
      try await eventually("that is told") { log.count("the store of limits answers again") == 1 }
      try await eventually("the limit is the shared one again") { (try? await gateways[0].get("/items").status) == 200 }
      #expect(store.granted.values.reduce(0, +) > 0)
    }
  }

  @Test("a store that froze keeps a request no longer than patience, later ones not at all, and is back when it thaws")
  func frozen() async throws {
    let (store, metrics) = (TestLimitStore(), KeptMetrics())
    let limit = RateLimit("strict", requests: 30, per: .seconds(3_600), by: .address)
    try await ThreeGateways.run(
      store, routes: Self.routes(limit), metrics: metrics,
      configure: { $0.sharedLimits.patience = .milliseconds(300) }
    ) { gateways in
      #expect(try await gateways[0].get("/items").status == 200)
      store.set(.frozen)
      let start = ContinuousClock.now
      let waited = try await gateways[0].get("/items").status
      let time = ContinuousClock.now - start
      #expect(waited == 200 && time >= .milliseconds(295))
      #expect(metrics.value("gateway.limit.store.answering") == 0)
      let calls = store.calls
      var statuses: [Int] = []
      for _ in 0..<20 { statuses.append(try await gateways[0].get("/items").status) }
      // A share of ten, less what the bucket was known to lack: a third of the one that was used before.
      #expect((8...9).contains(statuses.count { $0 == 200 }))
      #expect(store.calls == calls, "nobody waits for a store that is away")
      store.set(.good)
      try await eventually("the store is known to answer") { metrics.value("gateway.limit.store.answering") == 1 }
    }
  }

  @Test("a store that lost its buckets gives each limit once more, and no more")
  func lost() async throws {
    let store = TestLimitStore()
    try await ThreeGateways.run(
      store, routes: Self.routes(Self.leased), configure: { $0.sharedLimits.patience = .seconds(5) }
    ) { gateways in
      let start = ContinuousClock.now
      let before = try await ThreeGateways.load(gateways, "/items", connections: 4, requests: 50)
      store.lose()
      let after = try await ThreeGateways.load(gateways, "/items", connections: 6, requests: 100)
      let admitted = before.count(200) + after.count(200)
      #expect(admitted <= 2_000 + Self.flowedIn(since: start))
      #expect(admitted > 1_000, "it did lose them")
    }
  }

  @Test("a limit that is only watched admits all, counts what it would have refused, and says so in the log")
  func shadow() async throws {
    let (store, log, metrics) = (TestLimitStore(), KeptLog(), KeptMetrics())
    let limit = RateLimit("watched", requests: 5, per: .seconds(3_600), by: .address, isShadow: true)
    try await ThreeGateways.run(
      store, routes: Self.routes(limit), log: log, metrics: metrics,
      configure: { $0.sharedLimits.patience = .seconds(5) }
    ) { gateways in
      let statuses = try await ThreeGateways.load([gateways[0]], "/items", connections: 1, requests: 20)
      #expect(statuses.count(200) == 20)
      let bucket = try #require(store.granted.keys.first).split(separator: ":").dropLast().joined(separator: ":")
      try await eventually("refusals are counted") { metrics.value("gateway.limit.shadowed{\(bucket)}") == 15 }
      #expect(log.count("a limit that is only watched") == 1)
    }
  }

  @Test(
    "answers tell what is left of a limit where that is wanted, of the one with the least left",
    arguments: [true, false])
  func told(_ isShared: Bool) async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let limit = RateLimit("strict", requests: 5, per: .seconds(3_600), by: .address)
    try await RunningGateway.run(
      [upstream], routes: Self.routes(limit), limitStore: isShared ? TestLimitStore() : nil, gateways: 1,
      configure: {
        $0.tellsLimits = true
        $0.rateLimit = RateLimit(requests: 6_000, per: .seconds(60))
        $0.sharedLimits.patience = .seconds(5)
      }
    ) { gateway in
      for left in [4, 3, 2] {
        let response = try await gateway.get("/items")
        #expect(response.header("ratelimit-policy") == #""strict";q=5;w=3600"#)
        #expect(response.header("ratelimit")?.hasPrefix(#""strict";r=\#(left);t="#) == true)
      }
    }
  }

  @Test("a limit that is only watched needs no store")
  func localShadow() async throws {
    let (log, metrics) = (KeptLog(), KeptMetrics())
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let limit = RateLimit("watched", requests: 5, per: .seconds(3_600), by: .address, isShadow: true)
    try await RunningGateway.run([upstream], routes: Self.routes(limit), logger: log.logger, metrics: metrics) {
      for _ in 0..<8 {
        let response = try await $0.get("/items")
        #expect(response.status == 200)
      }
      #expect(log.count("a limit that is only watched") == 1)
      #expect(metrics.value("gateway.rate_limited") == 0)
    }
  }
}
