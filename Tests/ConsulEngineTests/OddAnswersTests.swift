import GravityDiscovery
import NIOHTTP1
import NIOPosix
import Patience
import Testing

@testable import ConsulEngine

@Suite("Answers of Consul's that are out of the ordinary", .timeLimit(.minutes(1)))
struct OddAnswersTests {
  private static func entries(_ ids: String...) -> String {
    let list = ids.map {
      "{\"Node\":{\"Address\":\"10.0.0.1\"},\"Service\":{\"ID\":\"\($0)\",\"Service\":\"auth\",\"Address\":\"\",\"Port\":80},\"Checks\":[]}"
    }
    return "[\(list.joined(separator: ","))]"
  }

  @Test("an index that goes backwards makes the next question ask from the beginning")
  func backwards() async throws {
    let agent = try await ScriptedAgent { call, count in
      guard call.path == "/v1/health/service/auth" else { return nil }
      switch count {
      case 1: return .init(headers: ["x-consul-index": "100"], body: Self.entries("a"))
      // Of another history, and so not believed.
      case 2: return .init(headers: ["x-consul-index": "7"], body: Self.entries("x"))
      case 3: return .init(headers: ["x-consul-index": "7"], body: Self.entries("b"))
      default: return nil
      }
    }
    try await RunningRegistry.with(agent.address, { $0.settling = .milliseconds(100) }) { running in
      try await running.following("auth") { followed in
        try await eventually("it asks a fourth time") { agent.asked.count == 4 }
        #expect(agent.asked.map { $0.query.contains { $0.hasPrefix("index=") } } == [false, true, false, true])
        #expect(agent.asked[3].query.contains("index=7"))
        #expect(!followed.all.contains { $0.contains("x") })
        #expect(followed.last == ["a", "b"], "what is not named is kept while it may register again")
      }
    }
    await agent.end()
  }

  @Test("a service without an address of its own is at its node's; one without a port is left out")
  func addresses() async throws {
    let agent = try await ScriptedAgent { _, count in
      guard count == 1 else { return nil }
      let noPort = Self.entries("b").replacing("\"Port\":80", with: "\"Port\":0").dropFirst()
      return .init(headers: ["x-consul-index": "5"], body: Self.entries("a").dropLast() + "," + noPort)
    }
    try await RunningRegistry.with(agent.address) { running in
      var sets = running.registry.instances(of: "auth").makeAsyncIterator()
      #expect(await sets.next()?.map(\.baseURL) == ["http://10.0.0.1:80"])
    }
    await agent.end()
  }

  @Test(
    "an answer that is none keeps the last set, is told, and is asked for again at growing intervals",
    arguments: ["not JSON", "{\"a\":1}", "[{\"Node\":1}]"])
  func garbage(_ body: String) async throws {
    let agent = try await ScriptedAgent { _, count in
      .init(headers: ["x-consul-index": "\(count)"], body: count == 1 ? Self.entries("a") : body)
    }
    try await RunningRegistry.with(agent.address) { running in
      try await running.following("auth") { followed in
        try await eventually("it asks again") { agent.asked.count > 3 }
        #expect(followed.last == ["a"])
        #expect(running.log.text.contains("is not what Consul's API describes"))
      }
    }
    #expect(agent.asked.count < 30)
    await agent.end()
  }

  @Test("an empty answer that was filtered for want of rights is no answer")
  func filtered() async throws {
    let agent = try await ScriptedAgent { _, count in
      count == 1
        ? .init(headers: ["x-consul-index": "5"], body: Self.entries("a"))
        : .init(headers: ["x-consul-index": "6", "x-consul-results-filtered-by-acls": "true"], body: "[]")
    }
    try await RunningRegistry.with(agent.address) { running in
      try await running.following("auth") { followed in
        try await eventually("it is told") { running.log.text.contains("the token may not see auth") }
        #expect(followed.last == ["a"])
      }
    }
    await agent.end()
  }

  @Test("an agent that answers at once without an index is not asked without end")
  func noIndex() async throws {
    let agent = try await ScriptedAgent { _, _ in .init(body: Self.entries("a")) }
    try await RunningRegistry.with(agent.address, { $0.burst = 5 }) { running in
      try await running.following("auth") { _ in
        try await eventually("it is asked") { agent.asked.count >= 7 }
      }
    }
    #expect(agent.asked.count < 60)
    #expect(agent.asked.dropFirst().allSatisfy { $0.query.contains("index=1") }, "never 0 again")
    await agent.end()
  }

  @Test("a redirect is not followed, so that the token stays where it belongs")
  func redirect() async throws {
    let elsewhere = try await ScriptedAgent { _, _ in .init(body: "[]") }
    let agent = try await ScriptedAgent(token: "c0ffee") { call, _ in
      .init(status: 307, headers: ["location": "\(elsewhere.address)\(call.path)"])
    }
    try await RunningRegistry.with(agent.address) { running in
      try await running.following("auth") { _ in
        try await eventually("it asked with its token") { agent.asked.first?.token == "c0ffee" }
        try await eventually("it is told") { running.log.text.contains("307") }
      }
      #expect(!running.log.text.contains("c0ffee"))
    }
    #expect(elsewhere.asked.isEmpty)
    for agent in [agent, elsewhere] { await agent.end() }
  }

  @Test("the agent is asked for a registration now and then, not without end")
  func looking() async throws {
    let agent = try await ScriptedAgent { _, _ in .init(body: "{}") }
    try await RunningRegistry.with(agent.address, { $0.lookInterval = .milliseconds(100) }) { running in
      try await running.registry.register(
        ServiceInstance(id: "a", service: "auth", host: "127.0.0.1", port: 1))
      let began = ContinuousClock.now
      try await eventually("it is asked") { agent.asked.count { $0.path == "/v1/agent/service/a" } >= 5 }
      // Four pauses of at least nine tenths.
      #expect(began.duration(to: .now) > .milliseconds(350))
    }
    await agent.end()
  }
}
