import Foundation
import GravityEvents
import Logging
import Patience
import RabbitMQEngine
import Synchronization
import TestServers
import Testing

/// A broker that runs, and what it has logged.
final class Running: Sendable {
  let broker: RabbitMQBroker
  let log = LogLines()
  private let running: Task<Void, any Error>

  init(url: String, _ configuration: RabbitMQBroker.Configuration = .init()) throws {
    let log = log
    let logger = Logger(label: "test") { _ in log.handler }
    let broker = try RabbitMQBroker(url: url, configuration: configuration, logger: logger)
    self.broker = broker
    running = Task { try await broker.run() }
  }

  func isReady() async throws {
    try await eventually("the broker is ready") { broker.trouble == nil }
  }

  /// - Returns: how long it took.
  @discardableResult
  func end() async -> Duration {
    running.cancel()
    return await ContinuousClock().measure {
      do {
        try await running.value
      } catch {
        Issue.record("run() ended with \(error)")
      }
    }
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

/// Publishers and a consumer that never stop, and a note of what they were promised and what came.
final class Load: Sendable {
  private struct State {
    var promised: Set<UUID> = []
    var handled: Set<UUID> = []
    var longest = Duration.zero
  }
  let family = "f" + UUID().uuidString.prefix(8).lowercased()
  private let state = Mutex(State())

  var queue: EventQueue { EventQueue("\(family).load", patterns: ["\(family).#"]) }
  var promised: Int { state.withLock { $0.promised.count } }
  var handled: Int { state.withLock { $0.handled.count } }
  /// How long the longest call took.
  var longest: Duration { state.withLock { $0.longest } }

  func message(size: Int = 100) -> EventMessage {
    EventMessage(id: UUID(), type: "\(family).happened.v1", body: [UInt8](repeating: 7, count: size))
  }

  /// Until its task is cancelled.
  func publish(_ broker: RabbitMQBroker, size: Int = 100) async {
    while !Task.isCancelled {
      let messages = (0..<5).map { _ in message(size: size) }
      let start = ContinuousClock.now
      let safe = (try? await broker.publish(messages)) ?? []
      let elapsed = ContinuousClock.now - start
      state.withLock { state in
        state.promised.formUnion(safe)
        state.longest = max(state.longest, elapsed)
      }
      // A broker that is known to be away says so at once.
      if safe.isEmpty { try? await Task.sleep(for: .milliseconds(20)) }
    }
  }

  func consume(_ broker: RabbitMQBroker) async {
    let subscription = broker.subscribe(to: queue, prefetch: 50)
    while let deliveries = try? await subscription.next(atMost: 20) {
      state.withLock { $0.handled.formUnion(deliveries.map(\.message.id)) }
      await subscription.acknowledge(deliveries)
    }
    await subscription.close()
  }

  func promised(more count: Int) async throws {
    let goal = promised + count
    try await eventually("\(goal) are promised") { promised >= goal }
  }

  /// All that was promised has come.
  func isDelivered() async throws {
    try await eventually("all that was promised has come") {
      state.withLock { $0.promised.isSubset(of: $0.handled) }
    }
  }
}

/// What a call failed with, and that it did in time: a multiple of the bounds that the tests set.
func failure(_ call: () async throws -> some Any, at location: SourceLocation = #_sourceLocation) async -> BrokerError?
{
  let start = ContinuousClock.now
  defer {
    let elapsed = ContinuousClock.now - start
    #expect(elapsed < .seconds(30), sourceLocation: location)
  }
  do {
    _ = try await call()
    return nil
  } catch {
    return error as? BrokerError
  }
}

extension BrokerError {
  var isUnavailable: Bool { if case .unavailable = self { true } else { false } }
  var isRefused: Bool { if case .refused = self { true } else { false } }
}
