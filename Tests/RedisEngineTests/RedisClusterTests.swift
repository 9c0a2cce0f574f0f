import CacheStoreConformance
import LimitStoreConformance
import Patience
import TestServers
import Testing
import TokenStoreConformance

@testable import RedisEngine

@Suite("A key's slot")
struct KeySlotTests {
  @Test(
    "is as the specification reckons it",
    arguments: [("123456789", 0x31C3), ("foo", 12_182), ("foo{}{bar}", 8_363), ("foo{{bar}}zap", 4_015), ("", 0)])
  func vectors(_ key: String, _ slot: Int) { #expect(KeySlot.of(key.utf8) == slot) }

  @Test("is that of what is between the first braces")
  func tags() {
    #expect(KeySlot.of("{user1000}.following".utf8) == KeySlot.of("{user1000}.followers".utf8))
    #expect(KeySlot.of("foo{bar}{zap}".utf8) == KeySlot.of("bar".utf8))
  }

  @Test("of a command is that of its first key, and some have none")
  func commands() {
    let slot = KeySlot.of("foo".utf8)
    #expect(KeySlot.of(["GET", "foo"]) == slot)
    #expect(KeySlot.of(["EVALSHA", "digest", .integer(2), "foo", "bar", "argument"]) == slot)
    #expect(KeySlot.of(["EVAL", "text", .integer(0), "foo"]) == nil)
    #expect(KeySlot.of(["TIME"]) == nil)
  }

  @Test(
    "redirections are read, and nothing else is taken for one",
    arguments: [
      ("MOVED 3999 127.0.0.1:6381", Redirection.moved(slot: 3999, to: RedisNodeName("127.0.0.1:6381")!)),
      ("MOVED 3999 :6381", .moved(slot: 3999, to: RedisNodeName(":6381")!)),
      ("ASK 1 ::1:7000", .ask(RedisNodeName("::1:7000")!)),
      ("TRYAGAIN Multiple keys request during rehashing of slot", .tryAgain), ("MOVED 16384 h:1", nil),
      ("MOVED -1 h:1", nil), ("MOVED 1 h:0", nil), ("MOVED 1 ?:6379", nil), ("MOVED 1", nil), ("ASK 1 host", nil),
      ("ERR MOVED 1 h:1", nil), ("", nil),
    ] as [(String, Redirection?)])
  func redirections(_ text: String, _ expected: Redirection?) { #expect(Redirection(text) == expected) }
}

@Suite(
  "A cluster of Redis", .serialized, .timeLimit(.minutes(3)),
  .enabled(if: PrivateServer.isPossible, "GRAVITY_TEST_REDIS_BIN is not set"))
struct RedisClusterTests {
  @Test("conforms behind every port, whichever node the URL names")
  func conforms() async throws {
    try await PrivateCluster.with { cluster in
      let running = try cluster.client(cluster.ports[1])
      // Redis goes by its own clock, which nobody can move.
      try await CacheStoreConformance(pass: { try await Task.sleep(for: $0) }) {
        try RedisCacheStore(running.client, prefix: uniquePrefix())
      }.run()
      try await TokenStoreConformance { try RedisTokenStore(running.client, prefix: uniquePrefix()) }.run()
      try await LimitStoreConformance { try RedisLimitStore(running.client, prefix: uniquePrefix()) }.run()
      #expect(running.client.isCluster)
      await running.end()
    }
  }

  @Test("many keys go to their nodes, and are found there")
  func spread() async throws {
    try await PrivateCluster.with { cluster in
      let running = try cluster.client()
      for number in 0..<60 { try await running.call(["SET", .text("key-\(number)"), .integer(Int64(number))]) }
      let commands = (0..<60).map { ["GET", RESPArgument.text("key-\($0)")] }
      let replies = try await running.client.send(running.client.operation("GET"), all: commands)
      for (number, reply) in replies.enumerated() { #expect(try reply.get().value.integer == Int64(number)) }
      var sizes: [String] = []
      for port in cluster.ports { sizes.append(try await cluster.control(port, "dbsize")) }
      #expect(!sizes.contains("0") && sizes.compactMap { Int($0) }.reduce(0, +) == 60, "\(sizes)")
      await running.end()
    }
  }

  @Test("while a slot moves its keys are found on either side, and afterwards where they are")
  func moving() async throws {
    try await PrivateCluster.with { cluster in
      let running = try cluster.client()
      for name in ["{moved}:a", "{moved}:b"] { try await running.call(["SET", .text(name), "before"]) }
      let slot = "\(KeySlot.of("moved".utf8))"
      let source = try await cluster.owner(of: "{moved}:a")
      let target = try #require(cluster.ports.first { $0 != source })
      let (sourceID, targetID) = (
        try await cluster.control(source, "cluster", "myid"), try await cluster.control(target, "cluster", "myid")
      )
      try await cluster.control(target, "cluster", "setslot", slot, "importing", sourceID)
      try await cluster.control(source, "cluster", "setslot", slot, "migrating", targetID)
      try await cluster.control(source, "migrate", "127.0.0.1", "\(target)", "{moved}:a", "0", "1000")
      #expect(try await cluster.control(source, "get", "{moved}:a").contains("ASK"))
      #expect(try await running.call(["GET", "{moved}:a"]).text == "before")
      #expect(try await running.call(["GET", "{moved}:b"]).text == "before")
      // What is new comes into being where the slot is going.
      try await running.call(["SET", "{moved}:c", "meanwhile"])
      try await cluster.control(source, "migrate", "127.0.0.1", "\(target)", "{moved}:b", "0", "1000")
      for port in [target, source] + cluster.ports.filter({ $0 != source && $0 != target }) {
        try await cluster.control(port, "cluster", "setslot", slot, "node", targetID)
      }
      for (name, value) in [("a", "before"), ("b", "before"), ("c", "meanwhile")] {
        #expect(try await running.call(["GET", .text("{moved}:\(name)")]).text == value)
      }
      await running.end()
    }
  }

  @Test("a node that dies takes its slots along until its replica has them; the others' go on all the time")
  func failover() async throws {
    try await PrivateCluster.with(replicas: 1) { cluster in
      // Not the one that the URL names.
      let running = try cluster.client(cluster.ports[1])
      let names = (0..<40).map { "key-\($0)" }
      var lost: [String] = []
      for name in names {
        try await running.call(["SET", .text(name), "there"])
        if try await cluster.owner(of: name) == cluster.ports[0] { lost.append(name) }
      }
      #expect(!lost.isEmpty && lost.count < names.count)
      try await eventually("the replica has what was written") {
        try await cluster.control(cluster.ports[3], "dbsize") == "\(lost.count)"
      }
      try cluster.kill(cluster.ports[0])
      for name in names where !lost.contains(name) {
        #expect(try await running.call(["GET", .text(name)], isIdempotent: true).text == "there")
      }
      try await eventually("the replica has taken over") {
        (try? await running.call(["GET", .text(lost[0])], isIdempotent: true).text) == "there"
      }
      for name in lost { #expect(try await running.call(["GET", .text(name)], isIdempotent: true).text == "there") }
      await running.end()
    }
  }
}
