import Foundation
import GravityCache
import GravityIdentity
import GravityLimits
import Patience
import TestServers
import Testing

@testable import RedisEngine

/// What a server and a network do on a bad day. Each test has a server of its own.
@Suite(
  "Redis on a bad day", .serialized, .timeLimit(.minutes(3)),
  .enabled(if: PrivateServer.isPossible, "GRAVITY_TEST_REDIS_BIN is not set"))
struct BadDaysTests {
  @Test("a server that is killed and comes back empty is used again within seconds, and callers fail at once meanwhile")
  func killed() async throws {
    try await PrivateServer.with { server in
      let running = try server.client()
      try await running.call(["SET", "a", "1"])
      try await server.kill()
      try await eventually("the trouble is known") { running.client.trouble != nil }
      // After the grace nobody waits.
      try await eventually("it is known to be away") {
        await failure { try await running.call(["GET", "a"]) }?.message.contains("cannot be reached") == true
      }
      let start = ContinuousClock.now
      for _ in 0..<100 { #expect(await failure { try await running.call(["GET", "a"]) } != nil) }
      // A hundred times the grace would be 500 s.
      #expect(ContinuousClock.now - start < .seconds(30))
      try await server.start()
      try await running.isReady()
      #expect(try await running.call(["GET", "a"]) == .null)
      #expect(running.log.text.contains("Redis is away") && running.log.text.contains("Redis is there again"))
      await running.end()
    }
  }

  @Test("a connection that breaks under commands: those that may be repeated are, and no other is executed twice")
  func broken() async throws {
    try await PrivateServer.with { server in
      let running = try server.client { $0.commandTimeout = .seconds(30) }
      try await running.isReady()
      let outcomes = try await withThrowingTaskGroup(of: RedisError?.self) { group in
        for number in 0..<400 {
          group.addTask {
            // The server cuts everybody off, in the middle of it all.
            if number == 200 { try await server.control("client", "kill", "type", "normal") }
            return await failure { try await running.call(["INCR", "count"]) }
          }
          group.addTask {
            let error = await failure { try await running.call(["GET", "count"], isIdempotent: true) }
            #expect(error == nil, "\(String(describing: error))")
            return nil
          }
        }
        return try await group.reduce(into: [RedisError?]()) { $0.append($1) }
      }
      let failures = outcomes.compactMap { $0 }
      let count = try #require(try await running.call(["GET", "count"]).integer)
      // 400 that succeeded or failed; of the failed those that say so may have counted.
      #expect(failures.allSatisfy { $0.code == .unavailable }, "\(failures.prefix(3))")
      let perhaps = failures.count(where: \.mayHaveTakenEffect)
      #expect((Int64(400 - failures.count)...Int64(400 - failures.count + perhaps)).contains(count))
      await running.end()
    }
  }

  @Test("a frozen server holds nobody beyond the time-out, is noticed though nobody asks, and is used when it thaws")
  func frozen() async throws {
    try await PrivateServer.with { server in
      let running = try server.client { $0.commandTimeout = .milliseconds(500) }
      let ended = try server.client { $0.commandTimeout = .milliseconds(500) }
      try await running.isReady()
      try await ended.isReady()
      try await server.freeze()
      let failures = await withTaskGroup(of: RedisError?.self) { group in
        for _ in 0..<50 { group.addTask { await failure { try await running.call(["GET", "a"]) } } }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(failures.allSatisfy { $0?.code == .timedOut || $0?.code == .unavailable }, "\(failures.prefix(3))")
      try await eventually("one that asks nothing notices too") { ended.client.trouble != nil }
      await ended.end()
      server.signal(SIGCONT)
      try await running.isReady()
      #expect(try await running.call(["SET", "a", "1"]) == .string("OK"))
      await running.end()
    }
  }

  @Test("a network that swallows everything is noticed, and got over; feeds say what may have been missed")
  func blackHole() async throws {
    try await PrivateServer.with { server in
      let proxy = try TCPProxy(to: server.port)
      let running = try server.client(port: proxy.port) { $0.commandTimeout = .milliseconds(500) }
      var feed = running.client.feed(of: ["news"]).makeAsyncIterator()
      #expect(await feed.next() == .began)
      try await server.control("publish", "news", "1")
      #expect(await feed.next() == .message(channel: "news", Array("1".utf8)))
      proxy.hold(toServer: true, toClient: true)
      #expect(await feed.next() == .interrupted)
      try await eventually("the trouble is known") { running.client.trouble != nil }
      #expect(await failure { try await running.call(["GET", "a"]) } != nil)
      proxy.hold(toServer: false, toClient: false)
      try await running.isReady()
      #expect(await feed.next() == .began)
      try await server.control("publish", "news", "2")
      #expect(await feed.next() == .message(channel: "news", Array("2".utf8)))
      await running.end()
      #expect(await feed.next() == nil)
      proxy.close()
    }
  }

  @Test("a reply that comes too late is dropped, and the next one is the next command's")
  func late() async throws {
    try await PrivateServer.with { server in
      let running = try server.client { $0.commandTimeout = .milliseconds(700) }
      try await running.call(["SET", "a", "1"])
      try await running.call(["SET", "b", "2"])
      // The first is answered at once, so the server is known to live while it blocks on the second.
      let results = try await running.client.send(
        running.client.operation("BLPOP"), all: [["GET", "a"], ["BLPOP", "nothing", "1"]])
      #expect(try results[0].get().value == .string("1"))
      #expect(throws: RedisError(.timedOut, "Redis did not answer in time", command: "BLPOP", mayHaveTakenEffect: true))
      {
        try results[1].get()
      }
      for _ in 0..<20 { #expect(try await running.call(["GET", "b"]) == .string("2")) }
      #expect(!running.log.text.contains("away"), "\(running.log.text)")
      await running.end()
    }
  }

  @Test("a server that is not there at the start is found when it comes, and nobody waits beyond the grace for it")
  func comesLater() async throws {
    try await PrivateServer.with { server in
      let port = try TCPProxy.freePort()
      let running = try server.client(port: port) { $0.connectGrace = .milliseconds(250) }
      #expect(await failure(within: .seconds(20)) { try await running.call(["GET", "a"]) }?.code == .unavailable)
      try await eventually("the trouble is known") { running.client.trouble?.contains("cannot be reached") == true }
      let proxy = try TCPProxy(to: server.port, port: port)
      try await running.isReady()
      #expect(try await running.call(["SET", "a", "1"]) == .string("OK"))
      await running.end()
      proxy.close()
    }
  }

  @Test("more commands than may wait are refused at once")
  func busy() async throws {
    try await PrivateServer.with { server in
      let proxy = try TCPProxy(to: server.port)
      let running = try server.client(port: proxy.port) {
        $0.maximumCommands = 10
        $0.commandTimeout = .milliseconds(500)
      }
      try await running.isReady()
      proxy.hold(toServer: true, toClient: true)
      let failures = await withTaskGroup(of: RedisError?.self) { group in
        for _ in 0..<50 { group.addTask { await failure { try await running.call(["GET", "a"]) } } }
        return await group.reduce(into: [RedisError?]()) { $0.append($1) }
      }
      #expect(failures.count { $0?.code == .busy } >= 40, "\(failures.compactMap { $0 }.prefix(3))")
      #expect(failures.allSatisfy { $0 != nil })
      proxy.hold(toServer: false, toClient: false)
      try await running.isReady()
      await running.end()
      proxy.close()
    }
  }

  @Test("a client that was cancelled sends its callers home, and refuses the next")
  func ended() async throws {
    try await PrivateServer.with { server in
      let running = try server.client { $0.commandTimeout = .seconds(8) }
      try await running.isReady()
      async let blocked = failure { try await running.call(["BLPOP", "nothing", "30"]) }
      try await eventually("it waits") { try await server.control("client", "list").contains("cmd=blpop") }
      // What is under way has its own time-out left; BLPOP would wait 30 s.
      #expect(await running.end() < .seconds(20))
      #expect(await blocked != nil)
      #expect(await failure { try await running.call(["GET", "a"]) }?.code == .closed)
      #expect(running.client.trouble == "closed")
      await #expect(throws: RedisError.self) { try await running.client.run() }
    }
  }

  @Test("a task that is cancelled does not wait for its reply, and the connection goes on")
  func cancelled() async throws {
    try await PrivateServer.with { server in
      let running = try server.client { $0.commandTimeout = .seconds(20) }
      try await running.isReady()
      let waiting = Task { try await running.call(["BLPOP", "list", "30"]) }
      try await eventually("it waits") { try await server.control("client", "list").contains("cmd=blpop") }
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
      try await server.control("rpush", "list", "1")
      #expect(try await running.call(["SET", "a", "1"]) == .string("OK"), "its own reply, not the other's")
      await running.end()
    }
  }
}
