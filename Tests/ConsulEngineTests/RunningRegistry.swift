import Foundation
import GravityDiscovery
import Logging
import NIOCore
import NIOPosix
import Patience
import ServiceLifecycle
import Synchronization
import Testing

@testable import ConsulEngine

/// A registry that runs, what it has said of one service, and what it has logged.
final class RunningRegistry: Sendable {
  let agent: ConsulAgent
  let registry: ConsulRegistry
  let log = LogLines()

  private init(_ settings: ConsulSettings) throws {
    let log = log
    let logger = Logger(label: "test") { _ in log.handler }
    agent = try ConsulAgent(settings, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
    registry = ConsulRegistry(agent, logger: logger)
  }

  /// - Parameter adjust: Bounds are short, since they are what is tested.
  static func with(
    _ address: ConsulAddress, _ adjust: (inout ConsulSettings) -> Void = { _ in },
    _ body: (RunningRegistry) async throws -> Void
  ) async throws {
    var settings = ConsulSettings(address: address)
    settings.requestTimeout = .seconds(1)
    settings.pulse = .milliseconds(500)
    settings.lookInterval = .milliseconds(500)
    settings.checkInterval = .seconds(1)
    settings.checkTimeout = .seconds(1)
    settings.settling = .seconds(5)
    settings.greatestPause = .seconds(1)
    adjust(&settings)
    let running = try RunningRegistry(settings)
    try await ServiceGroup.during([running.agent, running.registry]) {
      try await body(running)
    } end: {
      try await running.agent.shutdown()
    }
  }

  /// Follows a service until the body is done.
  func following(_ service: String, _ body: (Followed) async throws -> Void) async throws {
    let followed = Followed()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [registry] in
        for await set in registry.instances(of: service) { followed.add(set) }
      }
      try await body(followed)
      group.cancelAll()
    }
  }
}

/// The sets that came, in their order.
final class Followed: Sendable {
  private let sets = Mutex<[[ServiceInstance]]>([])
  func add(_ set: [ServiceInstance]) { sets.withLock { $0.append(set) } }
  var last: Set<String> { sets.withLock { Set($0.last?.map(\.id) ?? []) } }
  var all: [Set<String>] { sets.withLock { $0.map { Set($0.map(\.id)) } } }

  func isNow(_ ids: Set<String>, fileID: String = #fileID, line: Int = #line) async throws {
    try await eventually("the set is \(ids), not \(last)", fileID: fileID, line: line) { last == ids }
  }
}

/// What was logged, with its metadata.
final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])

  var text: String { lines.withLock { $0.joined(separator: "\n") } }
  func add(_ line: String) { lines.withLock { $0.append(line) } }
  var handler: any LogHandler { Handler(lines: self) }

  private struct Handler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.add("\(event.level) \(event.message) \(event.metadata ?? [:])") }
  }
}

/// Asks the agent directly, beside what is tested.
struct Operator: Sendable {
  let address: ConsulAddress

  @discardableResult
  func send(_ method: String, _ path: String, body: String? = nil) async throws -> (status: Int, text: String) {
    try await ConsulAgent.with(
      ConsulSettings(address: address), eventLoopGroup: MultiThreadedEventLoopGroup.singleton
    ) { agent in
      let answer = try await agent.client.send(
        #require(ConsulClient.Verb(rawValue: method)), path, body: body.map { Data($0.utf8) }, missing: true,
        timeout: .seconds(5))
      return (answer.status, String(buffer: answer.body))
    }
  }

  /// The status of each instance's checks, by id.
  func statuses(of service: String) async throws -> [String: Bool] {
    let answer = try await send("GET", "/v1/health/service/\(service)")
    let entries = try JSONDecoder().decode([HealthEntry].self, from: Data(answer.text.utf8))
    return Dictionary(entries.map { ($0.service.id, $0.isPassing) }) { first, _ in first }
  }
}

extension ServiceGroup {
  /// Runs services while `body` does, then ends them in bounded time.
  static func during(
    _ services: [any Service], _ body: () async throws -> Void, end: () async throws -> Void
  ) async throws {
    let group = ServiceGroup(services: services, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let outcome: Result<Void, any Error> = await withTaskGroup(of: Result<Void, any Error>.self) { tasks in
      tasks.addTask { await Result { try await group.run() } }
      let outcome = await Result { try await body() }
      let began = ContinuousClock.now
      await group.triggerGracefulShutdown()
      let ended = await tasks.next() ?? .success(())
      #expect(began.duration(to: .now) < .seconds(30), "it ends in bounded time")
      return outcome.flatMap { ended }
    }
    try await end()
    try outcome.get()
  }
}

extension Result where Failure == any Error {
  init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
