import Foundation
import GravityEvents
import Patience
import Synchronization
import Testing

/// A broker that runs, as one instance of a platform has it.
final class Instance: Sendable {
  let broker: any EventBroker
  private let running: Task<Void, any Error>

  init(_ broker: any EventBroker) {
    self.broker = broker
    running = Task { try await broker.run() }
  }

  func isReady() async throws {
    try await eventually("the broker is ready") { broker.trouble == nil }
  }

  /// As at the end of a process that was asked to end.
  func end() async {
    running.cancel()
    do {
      try await running.value
    } catch {
      Issue.record("run() ended with \(error)")
    }
  }
}

/// Names that no other case uses.
struct Names {
  let family = "f" + UUID().uuidString.prefix(8).lowercased()

  func type(_ what: String = "happened") -> String { "\(family).\(what).v1" }
  func queue(_ name: String = "reader") -> String { "\(family).\(name)" }
  /// A queue of the whole family.
  func all(_ name: String = "reader") -> EventQueue { EventQueue(queue(name), patterns: ["\(family).#"]) }

  func messages(_ count: Int, _ what: String = "happened") -> [EventMessage] {
    (0..<count).map { EventMessage(id: UUID(), type: type(what), body: Array("{\"n\":\($0)}".utf8)) }
  }
}

extension EventBroker {
  /// Subscribes, and waits until the queue is there.
  func subscribed(to queue: EventQueue, prefetch: Int = 100) async throws -> any EventSubscription {
    let subscription = subscribe(to: queue, prefetch: prefetch)
    try await eventually("the queue \(queue.name) is there") { try await self.depth(of: queue.name) != nil }
    return subscription
  }

  /// Publishes until all are safe.
  func publishAll(_ messages: [EventMessage]) async throws {
    var rest = messages
    while !rest.isEmpty {
      let safe = try await publish(rest)
      #expect(safe.isSubset(of: rest.map(\.id)))
      rest.removeAll { safe.contains($0.id) }
    }
  }
}

extension EventSubscription {
  /// The next that many, or more if they come together; not acknowledged.
  func take(_ count: Int, atMost: Int = 100) async throws -> [EventDelivery] {
    var taken: [EventDelivery] = []
    while taken.count < count {
      let deliveries = try await next(atMost: min(atMost, count - taken.count))
      #expect(!deliveries.isEmpty)
      taken += deliveries
    }
    return taken
  }
}

extension [EventDelivery] {
  var messages: Set<EventMessage> { Set(map(\.message)) }
  var ids: Set<UUID> { Set(map(\.message.id)) }
}

extension [EventMessage] {
  var ids: Set<UUID> { Set(map(\.id)) }
}

/// What several tasks have seen.
final class Seen: Sendable {
  private let seen: Mutex<Set<UUID>>

  init(_ ids: Set<UUID> = []) { seen = Mutex(ids) }

  var ids: Set<UUID> { seen.withLock { $0 } }

  /// - Returns: how many of them are new.
  @discardableResult
  func insert(_ ids: Set<UUID>) -> Int {
    seen.withLock { seen in
      let before = seen.count
      seen.formUnion(ids)
      return seen.count - before
    }
  }
}

struct TimedOut: Error, CustomStringConvertible {
  var description: String
}

/// Fails instead of waiting for ever.
func within<T: Sendable>(_ limit: Duration, _ body: @escaping @Sendable () async throws -> T) async throws -> T {
  try await withThrowingTaskGroup(of: T.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: limit)
      throw TimedOut(description: "not done after \(limit)")
    }
    defer { group.cancelAll() }
    return try await group.next()!
  }
}

/// What a call failed with; nil when it did not, or not with an error of the port.
func failure(_ call: () async throws -> some Any) async -> BrokerError? {
  do {
    _ = try await call()
    return nil
  } catch {
    return error as? BrokerError
  }
}

extension BrokerError {
  var isInvalid: Bool { if case .invalid = self { true } else { false } }
}

func expectDepth(
  _ expected: Int?, of queue: String, _ broker: any EventBroker, at location: SourceLocation = #_sourceLocation
) async throws {
  let depth = try await broker.depth(of: queue)
  #expect(depth == expected, sourceLocation: location)
}
