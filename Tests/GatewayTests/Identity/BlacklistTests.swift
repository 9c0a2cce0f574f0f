import Foundation
import Gateway
import GravityIdentity
import Testing

@Suite("Blacklist with a store") struct BlacklistTests {
  private let later = Date(timeIntervalSinceNow: 3_600)
  /// A list whose feed has never said anything.
  private var stopped: RevocationList { RevocationList(maximumAge: .seconds(1)) }
  /// A list that is complete as far as it knows; a revocation may be on its way to it.
  private var lagging: RevocationList { RevocationList(maximumAge: nil) }

  private func run(
    _ store: TestTokenStore, _ list: RevocationList, log: KeptLog = KeptLog(), metrics: KeptMetrics = KeptMetrics(),
    configure: @escaping @Sendable (inout BlacklistSettings) -> Void = { $0.patience = .seconds(5) },
    _ body: @escaping @Sendable (RunningGateway) async throws -> Void
  ) async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run(
      [upstream], revocations: list, tokenStore: store, logger: log.logger, metrics: metrics,
      configure: { configure(&$0.blacklist) }
    ) { gateway in
      try await body(gateway)
    }
  }

  @Test("a revoked token is refused on first sight though the feed has not told of it, and without asking again")
  func firstSight() async throws {
    let store = try await TestTokenStore()
    try await store.revoke([Revocation(.session("session-good1"), expiresAt: later)])
    try await run(store, lagging) { gateway in
      let client = try await gateway.connect()
      var questions: [Int] = []
      for token in ["good1", "good1", "good2", "good2"] {
        try await client.send("GET /mine HTTP/1.1\r\nhost: test\r\nauthorization: Bearer \(token)\r\n\r\n")
        let response = try await client.response()
        #expect(response.status == (token == "good1" ? 401 : 200))
        if token == "good1" { #expect(response.member("code") == "token_revoked") }
        questions.append(store.questions)
      }
      #expect(questions == [1, 1, 2, 2])
      await client.close()
    }
  }

  @Test("while the feed has stopped the store is asked with every request, and a revocation counts at once")
  func stoppedFeed() async throws {
    let store = try await TestTokenStore()
    try await run(store, stopped) { [later] gateway in
      for count in 1...5 {
        #expect(try await gateway.get("/mine", token: "good").status == 200)
        #expect(store.questions == count)
      }
      try await store.revoke([Revocation(.subject("subject-good", epoch: 1), expiresAt: later)])
      let refused = try await gateway.get("/mine", token: "good")
      #expect(refused.status == 401 && refused.member("code") == "token_revoked")
      #expect(try await gateway.get("/items").status == 200, "what is public asks nobody")
      #expect(store.questions == 6)
    }
  }

  @Test("a feed that is back ends the questions")
  func feedBack() async throws {
    let store = try await TestTokenStore()
    let list = RevocationList(maximumAge: .seconds(3_600))
    try await run(store, list) { gateway in
      let client = try await gateway.connect()
      let request = "GET /mine HTTP/1.1\r\nhost: test\r\nauthorization: Bearer good\r\n\r\n"
      for _ in 0..<3 {
        try await client.send(request)
        #expect(try await client.response().status == 200)
      }
      #expect(store.questions == 3)
      list.markComplete(asked: .now)
      for _ in 0..<3 {
        try await client.send(request)
        #expect(try await client.response().status == 200)
      }
      #expect(store.questions == 3)
      await client.close()
    }
  }

  @Test(
    "when neither feed nor store can say anything, the policy decides",
    arguments: [BlacklistSettings.Policy.deny, .allow], [TestTokenStore.Day.failing, .frozen])
  func bothAway(_ policy: BlacklistSettings.Policy, _ day: TestTokenStore.Day) async throws {
    let (store, log, metrics) = (try await TestTokenStore(), KeptLog(), KeptMetrics())
    store.set(day)
    let settings: @Sendable (inout BlacklistSettings) -> Void = {
      $0.whenUnknown = policy
      $0.patience = .milliseconds(40)
    }
    try await run(store, stopped, log: log, metrics: metrics, configure: settings) { gateway in
      let client = try await gateway.connect()
      for _ in 0..<6 {
        try await client.send("GET /mine HTTP/1.1\r\nhost: test\r\nauthorization: Bearer good\r\n\r\n")
        let response = try await client.response()
        switch policy {
        case .allow: #expect(response.status == 200)
        case .deny:
          #expect(response.status == 503 && response.member("code") == "blacklist_unavailable")
          #expect(response.header("retry-after") == "1")
        }
      }
      #expect(metrics.value("gateway.blacklist.unknown{\(policy.rawValue)}") == 6)
      #expect(log.count("the store of the blacklist does not answer") == 1)
      // The list's own word counts under either policy.
      gateway.revocations.insert([Revocation(.token("id-good"), expiresAt: Date(timeIntervalSinceNow: 3_600))])
      try await client.send("GET /mine HTTP/1.1\r\nhost: test\r\nauthorization: Bearer good\r\n\r\n")
      #expect(try await client.response().status == 401)
      store.set(.good)
      // The store answers, but on a busy machine not always within such a short patience.
      var status = 0
      let began = ContinuousClock.now
      while log.count("the store of the blacklist answers again") == 0, began.duration(to: .now) < .seconds(20) {
        try await client.send("GET /mine HTTP/1.1\r\nhost: test\r\nauthorization: Bearer good2\r\n\r\n")
        status = try await client.response().status
      }
      #expect(status == 200)
      #expect(log.count("the store of the blacklist answers again") == 1)
      await client.close()
    }
  }

  @Test(
    "a store that lost the blacklist says nothing: the feed does, and where that has stopped the policy",
    arguments: [(true, BlacklistSettings.Policy.deny, 200), (false, .deny, 503), (false, .allow, 200)])
  func unseeded(_ hasFeed: Bool, _ policy: BlacklistSettings.Policy, _ status: Int) async throws {
    let store = try await TestTokenStore(isSeeded: false)
    try await run(store, hasFeed ? lagging : stopped, configure: { $0.whenUnknown = policy }) { gateway in
      let before = try await gateway.get("/mine", token: "good")
      #expect(before.status == status)
      #expect(store.questions == 1)
      try await store.seed([Revocation(.token("id-good"), expiresAt: Date(timeIntervalSinceNow: 3_600))])
      let after = try await gateway.get("/mine", token: "good")
      #expect(after.status == 401, "not confirmed yet, it is asked about again")
    }
  }

  @Test("a store that is away on first sight leaves it to a feed that has not stopped")
  func storeAway() async throws {
    let store = try await TestTokenStore()
    store.set(.failing)
    try await run(store, lagging) { gateway in
      for index in 0..<10 {
        let response = try await gateway.get("/mine", token: "good\(index)")
        #expect(response.status == 200)
      }
    }
  }

  @Test("requests with one token at a time share a question, and a store that froze is left alone after three")
  func bounded() async throws {
    let store = try await TestTokenStore()
    store.set(.frozen)
    try await run(store, stopped, configure: { $0.patience = .milliseconds(200) }) { gateway in
      try await withThrowingTaskGroup(of: Int.self) { tasks in
        for _ in 0..<40 { tasks.addTask { try await gateway.get("/mine", token: "good").status } }
        for try await status in tasks { #expect(status == 503) }
      }
      #expect(store.highest <= System.loops, "one for each event loop")
    }
  }
}
