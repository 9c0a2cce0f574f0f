import Gateway
import Testing

@Suite("Limits that change")
struct LiveLimitTests {
  @Test("a limit that is changed holds for the next request, on every loop, and what was used stays used")
  func changed() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run(
      [upstream], configure: { $0.rateLimit = RateLimit(requests: 2, per: .seconds(3_600)) }
    ) { running in
      // Half of the hour's.
      #expect(try await running.get("/items").status == 200)
      await running.gateway.limit(to: 1_000, of: RateLimit.standardName)
      await running.gateway.limit(to: 1, of: "of another name")
      // Each on a connection of its own, so on every loop; together 72 s of the hour's worth.
      for _ in 0..<20 { #expect(try await running.get("/items").status == 200) }
      await running.gateway.limit(to: 2, of: RateLimit.standardName)
      let refused = try await running.get("/items")
      #expect(refused.status == 429)
      #expect(refused.header("ratelimit-policy")?.contains("q=2") == true)
    }
  }

  @Test("a limit of routes is changed by its name")
  func named() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { running in
      await running.gateway.limit(to: 5, of: "strict")
      var admitted = 0
      while try await running.get("/strict").status == 200, admitted < 10 { admitted += 1 }
      #expect(admitted == 5)
    }
  }
}
