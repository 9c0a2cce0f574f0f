import Foundation
import GravityDiscovery
import Logging
import NIOPosix
import Patience
import ServiceLifecycle
import Testing

@testable import ConsulEngine

@Suite(
  "Settings in Consul", .enabled(if: TestAgent.url != nil, TestAgent.missing), .timeLimit(.minutes(2)))
struct ConsulConfigurationTests {
  static let limit = Setting(integer: "gravity.test.limit", "a limit", standard: 60, in: 1...1_000).live
  static let name = Setting(text: "gravity.test.name", "a name", standard: "one")
  static let settings: [any AnySetting] = [limit, name]

  private struct Running: Sendable {
    let live: LiveConfiguration
    let log: LogLines
    let agent: Operator
    let prefix: String

    func put(_ key: String, _ value: String) async throws {
      try await agent.send("PUT", "/v1/kv/\(prefix)/\(key)", body: value)
    }
    func delete(_ key: String) async throws { try await agent.send("DELETE", "/v1/kv/\(prefix)/\(key)") }
    func isNow(_ value: Int, fileID: String = #fileID, line: Int = #line) async throws {
      try await eventually("the limit is \(value)", fileID: fileID, line: line) {
        try live.current.value(ConsulConfigurationTests.limit) == value
      }
    }
  }

  private func running(
    at address: ConsulAddress, environment: [String: String] = [:], _ body: (Running) async throws -> Void
  ) async throws {
    let log = LogLines()
    let logger = Logger(label: "test") { _ in log.handler }
    let live = LiveConfiguration(
      try await LayeredConfiguration(commandLine: [:], environment: environment, file: nil), settings: Self.settings,
      logger: logger)
    let prefix = "test-\(UUID().uuidString.prefix(8).lowercased())"
    var settings = ConsulSettings(address: address)
    settings.requestTimeout = .seconds(1)
    settings.pulse = .milliseconds(500)
    settings.greatestPause = .seconds(1)
    let consul = try ConsulAgent(settings, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
    let configuration = ConsulConfiguration(
      consul, prefix: prefix, settings: Self.settings, live: live, logger: logger)
    try await ServiceGroup.during([consul, configuration]) {
      try await body(Running(live: live, log: log, agent: Operator(address: address), prefix: prefix))
    } end: {
      try await consul.shutdown()
    }
  }

  @Test("a value is taken when it is put there, changed when it changes, and gone when it is deleted")
  func taking() async throws {
    try await running(at: try TestAgent.address) { running in
      try await running.put("test/limit", "70")
      try await running.isNow(70)
      #expect(running.live.current.origin(of: Self.limit).layer == "Consul \(running.prefix)/")
      try await running.put("test/limit", "80\n")
      try await running.isNow(80)
      try await running.delete("test/limit")
      try await running.isNow(60)
      #expect(running.live.current.origin(of: Self.limit).layer == "default")
    }
  }

  @Test("a value that is none is refused with the reason; the old one stays, and others are taken")
  func refusing() async throws {
    try await running(at: try TestAgent.address) { running in
      try await running.put("test/limit", "70")
      try await running.isNow(70)
      try await running.put("test/limit", "many")
      try await eventually("it is refused") { running.live.refusals.count == 1 }
      #expect(running.live.refusals[0].reason.contains("\"many\" is not a whole number from 1 to 1000"))
      try await eventually("it is told") { running.log.text.contains("is refused") }
      #expect(try running.live.current.value(Self.limit) == 70)
      try await running.put("test/limit", "90")
      try await running.isNow(90)
      #expect(running.live.refusals.isEmpty)
    }
  }

  @Test("what is not live is told and waits for the next start; a key that names no setting is told, too")
  func notLive() async throws {
    try await running(at: try TestAgent.address) { running in
      try await running.put("test/name", "two")
      try await running.put("test/nmae", "three")
      try await eventually("it is told") { running.live.pending == ["gravity.test.name"] }
      #expect(try running.live.current.value(Self.name) == "one")
      try await eventually("both are told") {
        running.log.text.contains("GRAVITY_TEST_NAME has changed, which takes effect at the next start")
          && running.log.text.contains("\(running.prefix)/test/nmae in Consul names no setting")
      }
      let next = try await ConsulAgent.with(
        ConsulSettings(address: try TestAgent.address), eventLoopGroup: MultiThreadedEventLoopGroup.singleton
      ) { try await ConsulConfiguration.values($0, prefix: running.prefix, settings: Self.settings) }
      #expect(next.values == ["gravity.test.name": "two"])
      #expect(next.unknown == ["\(running.prefix)/test/nmae"])
    }
  }

  @Test("the environment goes before Consul")
  func shadowed() async throws {
    try await running(at: try TestAgent.address, environment: ["GRAVITY_TEST_LIMIT": "5"]) { running in
      try await running.put("test/limit", "70")
      try await running.put("test/name", "two")
      try await eventually("it was heard") { !running.live.pending.isEmpty }
      #expect(try running.live.current.value(Self.limit) == 5)
    }
  }

  @Test("bytes that are no text, and more than is taken, are refused")
  func bytes() async throws {
    try await running(at: try TestAgent.address) { running in
      try await running.put("test/limit", "70")
      try await running.isNow(70)
      try await running.put("test/limit", String(repeating: "7", count: ConsulConfiguration.greatestValue + 1))
      try await eventually("it is refused") { running.live.refusals.first?.reason.contains("is no text") == true }
      #expect(try running.live.current.value(Self.limit) == 70)
    }
  }

  @Test("while Consul is away the last values stay; one that starts empty has none, and says so")
  func away() async throws {
    try await PrivateConsul.with { agent in
      try await running(at: agent.address) { running in
        try await running.put("test/limit", "70")
        try await running.isNow(70)
        try await agent.kill()
        try await eventually("it is noticed") { running.log.text.contains("Consul is away") }
        #expect(try running.live.current.value(Self.limit) == 70)
        try await agent.start()
        try await running.isNow(60)
        try await running.put("test/limit", "80")
        try await running.isNow(80)
      }
    }
  }
}
