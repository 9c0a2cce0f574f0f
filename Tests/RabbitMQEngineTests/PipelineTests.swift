import Foundation
import GravityContracts
import GravityData
import GravityEvents
import Logging
import Patience
import RabbitMQEngine
import SQLiteEngine
import Synchronization
import TestServers
import Testing

/// The whole way of an event, from a service's transaction through RabbitMQ to another's effect, on the server's bad
/// days: services answer meanwhile, the outbox grows, and everything arrives afterwards, once.
extension BadDaysTests {
  enum BadDay: String, CaseIterable, CustomTestStringConvertible {
    case killed, frozen, blackHoled = "black-holed", shortOfMemory = "short of memory"
    var testDescription: String { rawValue }
  }

  @Test("services go on while the server is away, and nothing is lost or applied twice", arguments: BadDay.allCases)
  func pipeline(_ day: BadDay) async throws {
    let server: PrivateServer = PrivateServer.current
    let proxy = try TCPProxy(to: server.port)
    let service = try await PipelineService()
    let publisher = try server.broker(port: proxy.port)
    let consumer = try server.broker(port: proxy.port)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await service.consumer(consumer.broker).run() }
      try await publisher.isReady()
      try await consumer.broker.has(service.queue)
      if day == .killed { try await server.hasWrittenDown(service.queue) }
      // Two instances.
      group.addTask { try await service.relay(publisher.broker).run() }
      group.addTask { try await service.relay(publisher.broker).run() }
      for _ in 0..<4 { group.addTask { try await service.work() } }
      try await eventually("events arrive") { try await service.effects() > 50 }

      switch day {
      case .killed: server.signal(SIGKILL)
      case .frozen: try await server.freeze()
      case .blackHoled: proxy.hold(toServer: true, toClient: true)
      case .shortOfMemory: try await server.control("set_vm_memory_high_watermark", "0.0000001")
      }
      // Away for as long as it takes to do a thousand changes more, and until that is known.
      let before = service.changes
      try await eventually("services go on") { service.changes >= before + 1_000 }
      try await eventually("the trouble is known") { publisher.broker.trouble != nil }
      #expect(try await Outbox.status(of: service.database).waiting > 500)

      switch day {
      case .killed: try await server.crash()
      case .frozen: server.signal(SIGCONT)
      case .blackHoled: proxy.hold(toServer: false, toClient: false)
      case .shortOfMemory: try await server.control("set_vm_memory_high_watermark", "0.4")
      }
      service.stopWorking()
      try await eventually("all are published") { try await Outbox.status(of: service.database).waiting == 0 }
      try await eventually("all take effect") { try await service.effects() >= service.changes }
      try await eventually("nothing is parked") {
        try await DeadLetters(service.database).list(state: .retrying).isEmpty
      }
      group.cancelAll()
    }
    // Counted where it is true: in the databases.
    #expect(try await service.count("SELECT count(*) FROM changes") == service.changes)
    #expect(try await service.count("SELECT count(*) FROM outbox") == service.changes)
    #expect(try await service.effects() == service.changes)
    #expect(try await service.count("SELECT count(DISTINCT number) FROM effects") == service.changes)
    #expect(try await DeadLetters(service.database).list().isEmpty)
    // A change waits for its own database and for nothing else.
    #expect(service.longest < .seconds(10))
    await publisher.end()
    await consumer.end()
    proxy.close()
    await service.close()
  }
}

/// A service that records what it does, and one that hears of it.
private final class PipelineService: Sendable {
  struct Ping: Codable, Sendable { var number: Int }
  private struct State {
    var next = 0
    var done = 0
    var longest = Duration.zero
    var isStopped = false
  }

  let database: any Database
  let queue: EventQueue
  private let folder: URL
  private let type: EventType<Ping>
  private let family: String
  private let state = Mutex(State())

  init() async throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "pipeline-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    family = "p" + UUID().uuidString.prefix(8).lowercased()
    type = EventType("\(family).sent.v1", summary: "")
    queue = EventQueue("pipeline.\(family)", patterns: [type.name])
    database = try SQLiteDatabase(path: folder.appending(path: "service.sqlite").path)
    _ = try await Migrator(database: database, logger: Self.silent).run([
      Migration(
        1, "pipeline",
        Outbox.migrationStatements + EventConsumer.migrationStatements + [
          .table("changes", "number \(type: .bigint) PRIMARY KEY"),
          .table("effects", "number \(type: .bigint) NOT NULL"),
        ])
    ])
  }

  private static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  func relay(_ broker: any EventBroker) -> OutboxRelay {
    OutboxRelay(database: database, broker: broker, claimLease: .seconds(4), logger: Self.silent)
  }

  func consumer(_ broker: any EventBroker) -> EventConsumer {
    EventConsumer(
      service: "pipeline", family: family,
      handlers: [
        .on(type) { event, transaction in
          try transaction.execute("INSERT INTO effects (number) VALUES (\(event.payload.number))")
        }
      ], attemptLease: .seconds(4), database: database, broker: broker, logger: Self.silent)
  }

  var changes: Int { state.withLock { $0.done } }
  var longest: Duration { state.withLock { $0.longest } }
  func stopWorking() { state.withLock { $0.isStopped = true } }

  /// Changes something, again and again, each with its event.
  func work() async throws {
    let outbox = Outbox(service: "pipeline")
    while !Task.isCancelled {
      let number: Int? = state.withLock { state in
        guard !state.isStopped else { return nil }
        state.next += 1
        return state.next
      }
      guard let number else { return }
      let began = ContinuousClock.now
      // Finished though the test is over, so that what is counted here and there agrees.
      try await Task { [database, type] in
        try await database.write { transaction in
          try transaction.execute("INSERT INTO changes (number) VALUES (\(number))")
          try outbox.append(type, subject: "s\(number % 5)", Ping(number: number), in: transaction)
        }
      }.value
      state.withLock { state in
        state.done += 1
        state.longest = max(state.longest, began.duration(to: .now))
      }
      try? await Task.sleep(for: .milliseconds(2))
    }
  }

  func count(_ sql: SQL) async throws -> Int { try await database.rows(sql)[0].get(0) }
  func effects() async throws -> Int { try await count("SELECT count(*) FROM effects") }

  func close() async {
    await database.close()
    try? FileManager.default.removeItem(at: folder)
  }
}
