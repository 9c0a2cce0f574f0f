import Foundation
import GravityCache
import GravityIdentity
import GravityLimits
import NIOCore
import NIOPosix
import Patience
import TestServers
import Testing

@testable import RedisEngine

/// Who is let in, and how. Each test has a server of its own.
@Suite(
  "Access to Redis", .timeLimit(.minutes(3)),
  .enabled(if: PrivateServer.isPossible, "GRAVITY_TEST_REDIS_BIN is not set"))
struct AccessBadDaysTests {
  @Test("a wrong password is refused in plain words, and the right one and a database are used")
  func password() async throws {
    try await PrivateServer.with { server in
      try await server.control("acl", "setuser", "app", "on", ">s3cret", "~*", "&*", "+@all")
      let wrong = try server.client("redis://app:wr0ng@127.0.0.1:\(server.port)")
      try await eventually("the trouble is known") { wrong.client.trouble?.contains("WRONGPASS") == true }
      let error = await failure { try await wrong.call(["GET", "a"]) }
      #expect(error?.code == .refused("WRONGPASS"), "\(String(describing: error))")
      for text in [wrong.log.text, wrong.client.trouble ?? "", "\(error!)"] { #expect(!text.contains("wr0ng")) }
      await wrong.end()

      let right = try server.client("redis://app:s3cret@127.0.0.1:\(server.port)/3") { $0.clientName = "gravity-test" }
      try await right.call(["SET", "where", "here"])
      #expect(try await server.control("-n", "3", "get", "where").contains("here"))
      let list = try await server.control("client", "list")
      #expect(list.contains("name=gravity-test") && list.contains("user=app") && list.contains("resp=3"))
      await right.end()

      try await server.control("config", "set", "requirepass", "g3neral")
      let general = try server.client("redis://:g3neral@127.0.0.1:\(server.port)")
      #expect(try await general.call(["PING"]) == .string("PONG"))
      await general.end()
      let none = try server.client()
      try await eventually("the trouble is known") { none.client.trouble?.contains("NOAUTH") == true }
      await none.end()
      let database = try server.client("redis://:g3neral@127.0.0.1:\(server.port)/99")
      try await eventually("the trouble is known") { database.client.trouble?.contains("SELECT") == true }
      await database.end()
    }
  }

  @Test("a user who may not run a command is told which one it is")
  func permissions() async throws {
    try await PrivateServer.with { server in
      try await server.control(
        "acl", "setuser", "app", "on", ">s3cret", "~*", "&*", "+@all", "-@scripting", "-subscribe", "-info")
      let running = try server.client("redis://app:s3cret@127.0.0.1:\(server.port)")
      let cache = try RedisCacheStore(running.client)
      let error = await failure { try await cache.get("a") }
      #expect(error?.code == .refused("NOPERM"))
      #expect(error.map { "\($0)" }?.contains("EVALSHA cache_get: Redis refused: NOPERM") == true, "\(error!)")
      // Without INFO nobody can tell whether the server was replaced.
      let tokens = try RedisTokenStore(running.client)
      #expect(await failure { try await tokens.isSeeded() }.map { "\($0)" }?.contains("+info") == true)
      var feed = cache.invalidations().makeAsyncIterator()
      try await eventually("it is told") { running.log.text.contains("NOPERM") }
      try await server.control("acl", "setuser", "app", "+subscribe")
      #expect(await feed.next() == .began)
      #expect(running.client.trouble == nil)
      await running.end()
    }
  }

  @Test("a user with no more rights than the documentation says can do everything")
  func leastRights() async throws {
    try await PrivateServer.with { server in
      try await server.control(
        "acl", "setuser", "app", "on", ">s3cret", "~gravity:*", "&gravity:*", "-@all", "+@read", "+@write",
        "+@scripting",
        "+@pubsub", "+hello", "+ping", "+info", "+select", "+time")
      let running = try server.client("redis://app:s3cret@127.0.0.1:\(server.port)/1")
      let cache = try RedisCacheStore(running.client)
      var feed = cache.invalidations().makeAsyncIterator()
      #expect(await feed.next() == .began)
      try await cache.invalidate("a", version: 2, fence: .seconds(60))
      #expect(await feed.next() == .invalidated(key: "a", version: 2))
      let record = CacheRecord(bytes: [1], version: 2)
      #expect(try await cache.put(record, for: "a", lease: .none, timeToLive: .seconds(60)))
      #expect(try await cache.get("a").record == record)
      let tokens = try RedisTokenStore(running.client)
      try await tokens.seed([Revocation(.token("t"), expiresAt: Date() + 900)])
      #expect(try await tokens.revocations().count == 1)
      #expect(try await tokens.verdict(tokenID: "t", sessionID: nil, subject: "s", epoch: 0) == .revoked)
      try await tokens.touch(session: "s", at: Date(), expiresAt: Date() + 900)
      #expect(try await tokens.lastSeen(sessions: ["s"]).count == 1)
      let token = IssuedToken(id: "t", subject: "s", sessionID: nil, issuedAt: Date(), expiresAt: Date() + 900)
      try await tokens.record(token)
      #expect(try await tokens.token("t") == token)
      let claim = LimitClaim(key: "k", limit: SharedLimit(requests: 1, per: .seconds(60)))
      #expect(try await RedisLimitStore(running.client).take([claim])[0].taken == 1)
      #expect(try await running.client.inspect().role == "master")
      await running.end()
    }
  }

  @Test("over TLS a good certificate is used; another authority, another name or none is refused, with the reason")
  func tls() async throws {
    try await PrivateServer.with { server in
      let port = try await server.serveTLS()
      func url(_ host: String = "localhost", _ authority: String = "ca") -> String {
        "rediss://:s3cret@\(host):\(port)?cacert=\(server.folder)/redis/\(authority).crt"
      }
      try await server.control("config", "set", "requirepass", "s3cret")
      let good = try server.client(url())
      try await good.isReady()
      #expect(try await good.call(["SET", "a", .text(String(repeating: "x", count: 1 << 20))]) == .string("OK"))
      #expect(try await good.call(["GET", "a"]).bytes?.count == 1 << 20)
      var feed = good.client.feed(of: ["c"]).makeAsyncIterator()
      #expect(await feed.next() == .began)
      await good.end()
      for (wrong, reason) in [
        (url("localhost", "other"), "not signed by an authority"), (url("127.0.0.1"), "for another host"),
        (url("localhost", "none"), "cannot be read"),
      ] {
        let refused = try server.client(wrong)
        try await eventually("the trouble is known: \(reason)") { refused.client.trouble?.contains(reason) == true }
        #expect(await failure { try await refused.call(["GET", "a"]) } != nil)
        #expect(!refused.log.text.contains("s3cret"))
        await refused.end()
      }
      // Plain to a port that wants TLS, and TLS to one that does not.
      for wrong in ["redis://:s3cret@localhost:\(port)", url().replacing("\(port)", with: "\(server.port)")] {
        let refused = try server.client(wrong)
        #expect(await failure { try await refused.call(["GET", "a"]) } != nil)
        try await eventually("the trouble is known") { refused.client.trouble != "connecting" }
        await refused.end()
      }
    }
  }

  @Test("a server that speaks something else is left, with the reason")
  func otherProtocol() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let listener = try await ServerBootstrap(group: group).childChannelInitializer { channel in
      channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(NoRedis()) }
    }.bind(host: "127.0.0.1", port: 0).get()
    let running = try RunningClient("redis://127.0.0.1:\(listener.localAddress?.port ?? 0)")
    try await eventually("the trouble is known") { running.client.trouble?.contains("does not speak RESP3") == true }
    #expect(await failure { try await running.call(["GET", "a"]) } != nil)
    await running.end()
    try await listener.close()
  }

  @Test("a server without memory refuses what is written, says so, and reads go on")
  func fullMemory() async throws {
    try await PrivateServer.with { server in
      let running = try server.client()
      let cache = try RedisCacheStore(running.client)
      let limits = try RedisLimitStore(running.client)
      let tokens = try RedisTokenStore(running.client)
      let record = CacheRecord(bytes: [1, 2, 3], version: 1)
      #expect(try await cache.put(record, for: "a", lease: .none, timeToLive: .seconds(60)))
      try await tokens.seed([])
      #expect(try await tokens.isSeeded())
      try await server.control("config", "set", "maxmemory", "1mb")
      #expect(try await cache.get("a").record == record)
      #expect(
        await failure { try await cache.put(record, for: "b", lease: .none, timeToLive: .seconds(60)) }?.code
          == .refused("OOM"))
      // What is old goes even then.
      try await cache.invalidate("a", version: 2, fence: .seconds(60))
      #expect(try await cache.get("a").record == nil)
      let claim = LimitClaim(key: "k", limit: SharedLimit(requests: 1, per: .seconds(60)))
      await #expect(throws: LimitStoreError.self) { try await limits.take([claim]) }
      // A revocation that could not be written leaves a list that says that it is not whole.
      let revocation = Revocation(.token("t"), expiresAt: Date() + 900)
      #expect(await failure { try await tokens.revoke([revocation]) }?.code == .refused("OOM"))
      #expect(try await !tokens.isSeeded())
      #expect(
        try await tokens.verdict(tokenID: "t", sessionID: nil, subject: "s", epoch: 0) == .unknown)
      #expect(try await running.client.inspect().findings.contains { $0.contains("nine tenths") })
      try await server.control("config", "set", "maxmemory", "100mb")
      try await tokens.seed([revocation])
      #expect(try await tokens.verdict(tokenID: "t", sessionID: nil, subject: "s", epoch: 0) == .revoked)
      await running.end()
    }
  }

  @Test("what an operator should change is said in plain words")
  func findings() async throws {
    try await PrivateServer.with { server in
      let running = try server.client()
      try await server.control("config", "set", "maxmemory", "100mb")
      let good = try await running.client.inspect()
      #expect(good.findings.isEmpty && good.evictionPolicy == "noeviction" && good.role == "master")
      #expect(good.version.hasPrefix("7.") || good.version.hasPrefix("6.") || good.version.hasPrefix("8."))
      try await server.control("config", "set", "maxmemory-policy", "volatile-lru")
      #expect(try await running.client.inspect().findings.first?.contains("limits") == true)
      try await server.control("config", "set", "maxmemory-policy", "allkeys-lru")
      #expect(try await running.client.inspect().findings.first?.contains("blacklist") == true)
      try await server.control("config", "set", "maxmemory", "0")
      #expect(try await running.client.inspect().findings.count == 2)
      await running.end()
    }
  }
}

/// Answers as a web server would.
private final class NoRedis: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n")), promise: nil)
  }
}

extension PrivateServer {
  /// Two authorities, a certificate of the first for `localhost`, and a port that wants TLS.
  func serveTLS() async throws -> Int {
    try await shell([
      "sh", "-euc",
      """
      cd "$0"
      for authority in ca other; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$authority" \
          -keyout $authority.key -out $authority.crt
      done
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
        -keyout server.key -out server.csr
      echo subjectAltName=DNS:localhost >server.ext
      openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext \
        -out server.crt
      """, folder + "/redis",
    ])
    let port = Int(try TCPProxy.freePort())
    try await control(
      "config", "set", "tls-cert-file", "\(folder)/redis/server.crt", "tls-key-file", "\(folder)/redis/server.key",
      "tls-ca-cert-file", "\(folder)/redis/ca.crt", "tls-auth-clients", "no", "tls-port", "\(port)")
    return port
  }
}
