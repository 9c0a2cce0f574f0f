import Foundation
import GravityDiscovery
import Patience
import RegistryConformance
import Testing

@testable import ConsulEngine

@Suite("Consul's registrations and watches", .enabled(if: TestAgent.url != nil, TestAgent.missing))
struct ConsulRegistryTests {
  private func freshService() -> String { "test-\(UUID().uuidString.prefix(8).lowercased())" }

  @Test("an instance is registered with its check, tags, meta and weight, and the check is asked")
  func registration() async throws {
    let address = try TestAgent.address
    let service = freshService()
    let server = try await ReadyServer(service) {
      $0.version = "1.2"
      $0.zone = "a"
      $0.weight = 9
    }
    try await RunningRegistry.with(address) { running in
      try await running.registry.register(server.instance)
      let text = try await Operator(address: address).send("GET", "/v1/agent/service/\(server.instance.id)").text
      for part in ["gravity", "version-1.2", "zone-a", "\"Passing\": 9", "\"version\": \"1.2\"", "\"zone\": \"a\""] {
        #expect(text.contains(part), "\(part) in \(text)")
      }
      try await eventually("it is asked") { server.requests > 1 }
      // The agent tells the servers what a check has said a moment later.
      try await eventually("it passes") {
        try await Operator(address: address).statuses(of: service) == [server.instance.id: true]
      }
    }
    #expect(try await Operator(address: address).statuses(of: service) == [:], "it left with the registry")
    await server.close()
  }

  @Test("an instance whose check fails leaves the set, and comes back when it passes")
  func failing() async throws {
    let service = freshService()
    let (one, two) = (try await ReadyServer(service), try await ReadyServer(service))
    try await RunningRegistry.with(try TestAgent.address) { running in
      try await running.following(service) { followed in
        for server in [one, two] { try await running.registry.register(server.instance) }
        try await followed.isNow([one.instance.id, two.instance.id])
        one.set(ready: false)
        try await followed.isNow([two.instance.id])
        one.set(ready: true)
        try await followed.isNow([one.instance.id, two.instance.id])
      }
    }
    for server in [one, two] { await server.close() }
  }

  @Test("when every check fails at once the set that passed last stays in force, and one that passes again is it")
  func allCritical() async throws {
    let address = try TestAgent.address
    let service = freshService()
    let (one, two) = (try await ReadyServer(service), try await ReadyServer(service))
    let both: Set = [one.instance.id, two.instance.id]
    try await RunningRegistry.with(address) { running in
      try await running.following(service) { followed in
        for server in [one, two] { try await running.registry.register(server.instance) }
        try await followed.isNow(both)
        let told = followed.all.count
        for server in [one, two] { server.set(ready: false) }
        try await eventually("Consul says that all are critical") {
          try await Operator(address: address).statuses(of: service).values.allSatisfy { !$0 }
        }
        try await eventually("it is told") { running.log.text.contains("no instance of \(service) passes") }
        // The two may have failed one after the other; once there were some, never is there none.
        #expect(followed.all.dropFirst(told).allSatisfy { !$0.isEmpty } && !followed.last.isEmpty)
        two.set(ready: true)
        try await followed.isNow([two.instance.id])
      }
    }
    for server in [one, two] { await server.close() }
  }

  @Test("an instance that the agent was made to forget is registered again, but not one that left by itself")
  func forgotten() async throws {
    let address = try TestAgent.address
    let service = freshService()
    let server = try await ReadyServer(service)
    try await RunningRegistry.with(address) { running in
      try await running.registry.register(server.instance)
      try await running.following(service) { followed in
        try await followed.isNow([server.instance.id])
        try await Operator(address: address).send("PUT", "/v1/agent/service/deregister/\(server.instance.id)")
        try await eventually("it registered again") { running.log.text.contains("registered again") }
        try await followed.isNow([server.instance.id])
        try await running.registry.deregister(id: server.instance.id)
        try await followed.isNow([])
      }
      // What looked after it has ended, so that nothing is left that could bring it back.
      #expect(try await Operator(address: address).statuses(of: service) == [:])
    }
    await server.close()
  }

  @Test("a change is told to others", .timeLimit(.minutes(1)))
  func change() async throws {
    // How fast is measured in Benchmarks/discovery, and said in Documentation/discovery.md.
    let address = try TestAgent.address
    let service = freshService()
    let server = try await ReadyServer(service)
    try await RunningRegistry.with(address) { sender in
      try await RunningRegistry.with(address) { receiver in
        try await receiver.following(service) { followed in
          try await followed.isNow([])
          for _ in 0..<3 {
            try await sender.registry.register(server.instance)
            try await followed.isNow([server.instance.id])
            try await sender.registry.deregister(id: server.instance.id)
            try await followed.isNow([])
          }
        }
      }
    }
    await server.close()
  }
}
