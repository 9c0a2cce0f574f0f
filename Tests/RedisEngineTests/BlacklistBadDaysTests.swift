import Foundation
import GravityIdentity
import Patience
import TestServers
import Testing

@testable import RedisEngine

/// What can be lost of the blacklist, and that it is known then. Each test has a server of its own.
@Suite(
  "The blacklist in Redis", .timeLimit(.minutes(3)),
  .enabled(if: PrivateServer.isPossible, "GRAVITY_TEST_REDIS_BIN is not set"))
struct BlacklistBadDaysTests {
  private let revocation = Revocation(.token("t"), expiresAt: Date() + 900)

  private func verdict(_ store: RedisTokenStore, _ token: String) async throws -> RevocationList.Verdict {
    try await store.verdict(tokenID: token, sessionID: nil, subject: "s", epoch: 0)
  }

  enum Loss: String, CaseIterable, CustomTestStringConvertible {
    case restartedEmpty = "restarted empty"
    case restartedWithOldData = "restarted with old data"
    case flushed
    case evicted
    case failover = "a replica that lags took over"
    var testDescription: String { rawValue }
  }

  @Test("a server that may have lost some says unknown until it is seeded again", arguments: Loss.allCases)
  func losses(_ loss: Loss) async throws {
    try await PrivateServer.with { server in
      let running = try server.client()
      let store = try RedisTokenStore(running.client)
      try await store.seed([])
      #expect(try await verdict(store, "t") == .accepted)
      switch loss {
      case .restartedEmpty:
        try await server.kill()
        try await server.start()
      case .restartedWithOldData:
        // The dump knows that it was seeded, and does not know what was revoked after it.
        try await server.control("save")
        try await store.revoke([revocation])
        try await server.kill()
        try await server.start()
        #expect(try await server.control("exists", "gravity:{revoked}:list").contains("1"), "the old data are back")
      case .flushed: try await server.control("flushall")
      case .evicted:
        try await server.control("config", "set", "maxmemory-policy", "allkeys-random")
        try await server.control("config", "set", "maxmemory", "1")
        _ = await failure { try await running.call(["SET", "x", "y"]) }
        try await server.control("config", "set", "maxmemory", "0")
      case .failover:
        try await failOver(from: server, store)
        await running.end()
        return
      }
      try await running.isReady()
      try await eventually("it is noticed") { (try? await verdict(store, "other")) == .unknown }
      #expect(try await !store.isSeeded())
      try await store.seed([revocation])
      #expect(try await verdict(store, "t") == .revoked)
      #expect(try await verdict(store, "other") == .accepted)
      await running.end()
    }
  }

  private func failOver(from primary: PrivateServer, _ store: RedisTokenStore) async throws {
    try await PrivateServer.with { replica in
      try await replica.control("replicaof", "127.0.0.1", "\(primary.port)")
      try await eventually("it follows") {
        try await replica.control("exists", "gravity:{revoked}:list").contains("1")
      }
      try await primary.freeze()
      try await replica.control("replicaof", "no", "one")
      let other = try replica.client()
      let taken = try RedisTokenStore(other.client)
      #expect(try await replica.control("exists", "gravity:{revoked}:list").contains("1"), "the data are there")
      #expect(try await verdict(taken, "t") == .unknown)
      #expect(try await !taken.isSeeded())
      try await taken.seed([revocation])
      #expect(try await verdict(taken, "t") == .revoked)
      await other.end()
      primary.signal(SIGCONT)
    }
  }

  @Test("a connection to a server that became a replica is given up, since its name may mean another by now")
  func demoted() async throws {
    try await PrivateServer.with { server in
      let running = try server.client()
      try await running.call(["SET", "a", "1"])
      try await server.control("replicaof", "127.0.0.1", "1")
      #expect(await failure { try await running.call(["SET", "a", "2"]) }?.code == .refused("READONLY"))
      try await eventually("it is told") { running.log.text.contains("has become a replica") }
      try await server.control("replicaof", "no", "one")
      try await eventually("it is used again") { (try? await running.call(["SET", "a", "3"])) == .string("OK") }
      await running.end()
    }
  }

  @Test("a seeding that is interrupted by a flush makes no whole list")
  func interruptedSeeding() async throws {
    try await PrivateServer.with { server in
      let running = try server.client()
      let store = try RedisTokenStore(running.client)
      let scripts = TokenScripts(on: running.client)
      let keys = ["gravity:{revoked}:list", "gravity:{revoked}:ends", "gravity:{revoked}:seeding:x"]
      let runID = try await scripts.seed.run(on: running.client, keys: keys, ["1"]).runID
      try await server.control("flushall")
      #expect(
        await failure { try await scripts.whole.run(on: running.client, keys: keys, [.text(runID ?? "")]) }?.code
          == .refused("UNSEEDED"))
      #expect(await failure { try await scripts.seed.run(on: running.client, keys: keys, ["0"]) } != nil)
      #expect(try await !store.isSeeded())
      // Parts that are many are one whole.
      let many = (0..<950).map { Revocation(.token("t\($0)"), expiresAt: Date() + 900) }
      try await store.seed(many)
      #expect(try await store.revocations().count == 950)
      #expect(try await verdict(store, "t949") == .revoked)
      await running.end()
    }
  }

  @Test("what is over is forgotten, and a shorter entry does not end a longer one")
  func expiry() async throws {
    try await PrivateServer.with { server in
      let running = try server.client()
      let store = try RedisTokenStore(running.client)
      try await store.seed([])
      let (short, long) = (Date() + 0.3, Date() + 900)
      try await store.revoke([
        Revocation(.token("short"), expiresAt: short), Revocation(.token("both"), expiresAt: long),
        Revocation(.subject("u", epoch: 5), expiresAt: long), Revocation(.subject("u", epoch: 9), expiresAt: short),
      ])
      try await store.revoke([Revocation(.token("both"), expiresAt: short)])
      try await eventually("the short one is over") {
        Set(try await store.revocations().map(\.target)) == [.token("both"), .subject("u", epoch: 9)]
      }
      try await store.revoke([Revocation(.token("new"), expiresAt: long)])
      #expect(try await server.control("hexists", "gravity:{revoked}:list", "t:short").contains("0"), "swept")
      #expect(try await server.control("zcard", "gravity:{revoked}:ends").contains("3"))
      await running.end()
    }
  }

  @Test("many sessions are asked for in bounded commands")
  func manySessions() async throws {
    try await PrivateServer.with { server in
      let running = try server.client()
      let store = try RedisTokenStore(running.client)
      let start = Date(timeIntervalSince1970: 1_700_000_000)
      let expiry = Date() + 900
      for number in 0..<50 {
        try await store.touch(session: "s\(number)", at: start + Double(number), expiresAt: expiry)
      }
      let seen = try await store.lastSeen(sessions: (0..<2_345).map { "s\($0)" })
      #expect(seen.count == 50)
      #expect(seen["s49"] == start + 49)
      try await store.touch(session: "gone", at: start, expiresAt: start)
      #expect(try await store.lastSeen(sessions: ["gone"]).isEmpty)
      await running.end()
    }
  }
}
