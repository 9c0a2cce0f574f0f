import CacheStoreConformance
import GravityLimits
import LimitStoreConformance
import TestServers
import Testing
import TokenStoreConformance

@testable import RedisEngine

@Suite(
  "Redis behind the ports", .timeLimit(.minutes(2)),
  .enabled(if: TestServer.url != nil, "GRAVITY_TEST_REDIS_URL is not set"))
struct RedisConformanceTests {
  @Test("conforms as a CacheStore")
  func cacheStore() async throws {
    let running = try RunningClient()
    // Redis goes by its own clock, which nobody can move.
    try await CacheStoreConformance(pass: { try await Task.sleep(for: $0) }) {
      try RedisCacheStore(running.client, prefix: uniquePrefix())
    }.run()
    await running.end()
  }

  @Test("conforms as a TokenStore")
  func tokenStore() async throws {
    let running = try RunningClient()
    try await TokenStoreConformance { try RedisTokenStore(running.client, prefix: uniquePrefix()) }.run()
    await running.end()
  }

  @Test("conforms as a LimitStore")
  func limitStore() async throws {
    let running = try RunningClient()
    try await LimitStoreConformance { try RedisLimitStore(running.client, prefix: uniquePrefix()) }.run()
    await running.end()
  }

  @Test("grants as the arithmetic of a bucket does, whatever is asked of it")
  func bucket() async throws {
    let running = try RunningClient()
    let store = try RedisLimitStore(running.client, prefix: uniquePrefix())
    let limits = [
      SharedLimit(requests: 1, per: .milliseconds(1)), SharedLimit(requests: 3, per: .milliseconds(5)),
      SharedLimit(requests: 1_000_000, per: .seconds(1)), SharedLimit(requests: 7, per: .seconds(30 * 86_400)),
      SharedLimit(requests: .max, per: .seconds(60)), SharedLimit(requests: 100, per: .milliseconds(20)),
    ]
    var random = SplitMix(state: 7)
    var buckets = limits.map { _ in Bucket() }
    for _ in 0..<300 {
      let picks = (0..<(1 + random.next() % 5)).map { _ in Int(random.next() % UInt64(limits.count)) }
      let claims = picks.map { index in
        let wanted = [1, 2, 5, 1_000, Int.max][Int(random.next() % 5)]
        return LimitClaim(key: "b\(index)", limit: limits[index], wanted: wanted)
      }
      let grants = try await store.timed(claims)
      for (index, (claim, (grant, time))) in zip(picks, zip(claims, grants)) {
        #expect(buckets[index].take(claim.wanted, of: claim.limit, at: time) == grant, "\(claim) at \(time)")
      }
    }
    await running.end()
  }

  @Test("scripts that the server has forgotten are brought to it again, in the order of the claims")
  func forgottenScripts() async throws {
    try await PrivateServer.with { server in
      let running = try server.client()
      let store = try RedisLimitStore(running.client)
      let claims = (0..<6).map { _ in
        LimitClaim(key: "same", limit: SharedLimit(requests: 10, per: .seconds(3_600)), wanted: 3)
      }
      #expect(try await store.take(claims).map(\.taken) == [3, 3, 3, 1, 0, 0])
      try await server.control("script", "flush")
      try await server.control("del", "gravity:limit:same")
      #expect(try await store.take(claims).map(\.taken) == [3, 3, 3, 1, 0, 0])
      await running.end()
    }
  }
}
