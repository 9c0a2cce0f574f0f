import Foundation
import GravityDiscovery
import NIOCore
import NIOPosix
import Patience
import RegistryConformance
import Testing

@testable import ConsulEngine

/// What an agent and a network do on a bad day. Each test has an agent of its own.
@Suite(
  "Consul on a bad day", .serialized, .enabled(if: TestAgent.url != nil, TestAgent.missing), .timeLimit(.minutes(3)))
struct BadDaysTests {
  @Test("an agent that is killed and starts empty knows everybody again in seconds, and no watcher sees a gap")
  func killed() async throws {
    let servers = [try await ReadyServer("auth"), try await ReadyServer("auth")]
    let both = Set(servers.map(\.instance.id))
    try await PrivateConsul.with { agent in
      try await RunningRegistry.with(agent.address) { owner in
        try await RunningRegistry.with(agent.address) { watcher in
          try await watcher.following("auth") { followed in
            for server in servers { try await owner.registry.register(server.instance) }
            try await followed.isNow(both)
            try await agent.kill()
            try await eventually("it is noticed") { watcher.agent.trouble != nil }
            #expect(followed.last == both)
            let started = ContinuousClock.now
            try await agent.start()
            try await eventually("both are registered again") {
              try await Operator(address: agent.address).statuses(of: "auth").count == 2
            }
            #expect(started.duration(to: .now) < .seconds(15))
            try await eventually("it is noticed, too") { watcher.agent.trouble == nil }
            // A change after all that is heard, and until then nothing was missing.
            let seen = followed.all.count
            let third = try await ReadyServer("auth")
            try await owner.registry.register(third.instance)
            try await followed.isNow(both.union([third.instance.id]))
            let first = try #require(followed.all.firstIndex(of: both))
            #expect(followed.all[first...].allSatisfy { $0.isSuperset(of: both) }, "\(seen) before, \(followed.all)")
            await third.close()
          }
        }
      }
    }
    for server in servers { await server.close() }
  }

  @Test("an instance that ended while Consul was away is dropped once the others have had time to register again")
  func settled() async throws {
    let servers = [try await ReadyServer("auth"), try await ReadyServer("auth")]
    try await PrivateConsul.with { agent in
      try await RunningRegistry.with(agent.address) { watcher in
        try await watcher.following("auth") { followed in
          try await RunningRegistry.with(agent.address) { owner in
            try await owner.registry.register(servers[0].instance)
            // Registered by nobody who would look after it.
            try await RegistrationKeeper.register(servers[1].instance, watcher.agent)
            try await followed.isNow(Set(servers.map(\.instance.id)))
            try await agent.kill()
            try await agent.start()
            try await followed.isNow([servers[0].instance.id])
          }
        }
      }
    }
    for server in servers { await server.close() }
  }

  @Test("a frozen agent holds nobody up, and when it thaws everything goes on")
  func frozen() async throws {
    let servers = [try await ReadyServer("auth"), try await ReadyServer("auth")]
    try await PrivateConsul.with { agent in
      try await RunningRegistry.with(agent.address) { running in
        try await running.following("auth") { followed in
          try await running.registry.register(servers[0].instance)
          try await followed.isNow([servers[0].instance.id])
          try await agent.freeze()
          let began = ContinuousClock.now
          await #expect(throws: ConsulError.self) { try await running.registry.register(servers[1].instance) }
          #expect(began.duration(to: .now) < .seconds(30))
          try await eventually("it is noticed") { running.agent.trouble != nil }
          #expect(followed.last == [servers[0].instance.id])
          agent.signal(SIGCONT)
          // What could not be registered is, without anybody asking again.
          try await followed.isNow(Set(servers.map(\.instance.id)))
          try await eventually("it is noticed, too") { running.agent.trouble == nil }
        }
      }
    }
    for server in servers { await server.close() }
  }

  @Test("a registry over a frozen agent ends in bounded time")
  func endsFrozen() async throws {
    let server = try await ReadyServer("auth")
    try await PrivateConsul.with { agent in
      // `with` sees to it that its end is quick.
      try await RunningRegistry.with(agent.address) { running in
        try await running.registry.register(server.instance)
        try await agent.freeze()
      }
      agent.signal(SIGCONT)
    }
    await server.close()
  }

  @Test("after a network that swallowed everything new connections are made, and changes are heard within seconds")
  func blackHole() async throws {
    let servers = [try await ReadyServer("auth"), try await ReadyServer("auth")]
    try await PrivateConsul.with { agent in
      let gate = try await TCPGate(to: agent.address.port)
      try await RunningRegistry.with(ConsulAddress(host: "127.0.0.1", port: gate.port)) { watcher in
        try await RunningRegistry.with(agent.address) { owner in
          try await watcher.following("auth") { followed in
            try await owner.registry.register(servers[0].instance)
            try await followed.isNow([servers[0].instance.id])
            gate.close()
            try await eventually("it is noticed") { watcher.agent.trouble != nil }
            try await owner.registry.register(servers[1].instance)
            #expect(followed.last == [servers[0].instance.id])
            // Connections of before stay dead: nobody tells their end.
            gate.open()
            try await followed.isNow(Set(servers.map(\.instance.id)))
          }
        }
      }
      await gate.end()
    }
    for server in servers { await server.close() }
  }

  @Test("over a slow network changes come later, and nothing else is the matter")
  func slow() async throws {
    let server = try await ReadyServer("auth")
    try await PrivateConsul.with { agent in
      let gate = try await TCPGate(to: agent.address.port)
      gate.slow(by: .milliseconds(300))
      let address = ConsulAddress(host: "127.0.0.1", port: gate.port)
      try await RunningRegistry.with(address, { $0.requestTimeout = .seconds(3) }) { running in
        try await running.following("auth") { followed in
          try await running.registry.register(server.instance)
          try await followed.isNow([server.instance.id])
          try await running.registry.deregister(id: server.instance.id)
          try await followed.isNow([])
          #expect(running.agent.trouble == nil)
        }
      }
      await gate.end()
    }
    await server.close()
  }

  @Test("what starts while Consul is away registers as soon as it is there")
  func awayAtStart() async throws {
    let server = try await ReadyServer("auth")
    try await PrivateConsul.with { agent in
      try await agent.kill()
      try await RunningRegistry.with(agent.address) { running in
        await #expect(throws: ConsulError.self) { try await running.registry.register(server.instance) }
        try await running.following("auth") { followed in
          #expect(followed.all.isEmpty, "nothing is said where nothing is known")
          try await agent.start()
          try await followed.isNow([server.instance.id])
        }
      }
    }
    await server.close()
  }
}
