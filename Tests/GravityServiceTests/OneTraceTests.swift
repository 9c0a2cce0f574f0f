import AsyncHTTPClient
import Foundation
import GravityContracts
import GravityData
import GravityDiscovery
import GravityEvents
import GravityHTTP
import GravityService
import GravityTasks
import GravityTelemetry
import Logging
import NIOPosix
import Patience
import ServiceContextModule
import ServiceLifecycle
import Testbed
import Testing

/// Three services in small: `front` calls `back`, writes and publishes; `mail` hears of it and does a task.
private enum Shop {
  struct Placed: Codable, Sendable { var number: Int }
  struct Stock: Codable, Sendable { var id: Int }

  static let place = Endpoint<Placed, Empty>("place", .post, "/api/v1/orders", access: .public)
  static let take = Endpoint<Stock, Empty>("take", .put, "/api/v1/stock/{id}", access: .public)
  static let placed = EventType<Placed>("order.placed.v1", summary: "An order was placed")
  static let send = TaskType<Placed>("mail.send")
  static let migration = Migration(
    1, "shop", Outbox.migrationStatements + EventConsumer.migrationStatements + TaskQueue.migrationStatements)

  /// A number that `back` breaks at, and one that `mail` does.
  static let (bad, unsendable) = (13, 14)
}

/// The shop while it runs.
private struct RunningShop: Sendable {
  let tracing: TracingSystem
  let front: EndpointClient
  let tasks: TaskStore

  /// Places an order as a client whose own span is `sampled` or not.
  func place(_ number: Int, isSampled: Bool = true) async throws -> TraceContext {
    var root = TraceContext.root(isSampled: isSampled)
    root.isSampled = isSampled
    let span = tracing.tracer(for: "client").span("buy", kind: .internal, parent: root)
    try? await span.run { _ = try await front(Shop.place, .init(number: number)) }
    return span.context
  }

  func spans(of trace: TraceContext) -> [SpanRecord] {
    tracing.spans.recent().filter { $0.context.traceID == trace.traceID }
  }

  /// The trace as a tree, a line for each span.
  func tree(of trace: TraceContext) -> [String] {
    let spans = spans(of: trace)
    func lines(under parent: UInt64, _ depth: Int) -> [String] {
      spans.filter { $0.parentID == parent }.sorted { $0.name < $1.name }.flatMap { span in
        [
          "\(String(repeating: "  ", count: depth))\(span.resource.service) \(span.kind) \(span.name)"
            + (span.isError ? " !" : "")
        ] + lines(under: span.context.spanID, depth + 1)
      }
    }
    let known = Set(spans.map(\.context.spanID))
    return Set(spans.compactMap(\.parentID)).filter { !known.contains($0) }.flatMap { lines(under: $0, 0) }
  }

  static func run(
    on engine: Engine, _ sampler: Sampler = .parentBased(.alwaysOn),
    _ body: @Sendable (RunningShop) async throws -> Void
  ) async throws {
    var settings = TraceSettings()
    settings.sampler = sampler
    let tracing = TracingSystem(settings, version: "1", isShared: true)
    try await engine.withDatabase([Shop.migration]) { plain in
      try await engine.withDatabase(DatabaseBroker.migrations) { queues in
        let broker = DatabaseBroker(database: queues, logger: .silent)
        let http = HTTPClient(eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton))
        let registry = InProcessRegistry()
        let (front, back) = (InstanceSet(service: "front"), InstanceSet(service: "back"))
        let database = TracedDatabase(plain, name: "shop_db")
        let mail = mail(plain, broker)
        let services: [any Service] =
          try [
            frontServer(database, EndpointClient(http: http, instances: back), registry, tracing),
            backServer(registry, tracing),
            TracedService(
              OutboxRelay(database: plain, broker: broker, logger: .silent), tracer: tracing.tracer(for: "front")),
          ] + [worker(plain), mail].map { TracedService($0, tracer: tracing.tracer(for: "mail")) }
        let group = ServiceGroup(services: services, logger: .silent)
        let result: Result<Void, any Error>
        do {
          result = .success(
            try await withThrowingTaskGroup(of: Void.self) { tasks in
              tasks.addTask { try await broker.run() }
              tasks.addTask { await front.follow(registry) }
              tasks.addTask { await back.follow(registry) }
              tasks.addTask { try await group.run() }
              defer { tasks.cancelAll() }
              try await eventually("both listen") { front.next() != nil && back.next() != nil }
              // What is published before there is a queue for it goes to nobody.
              try await eventually("the queue is there") { try await broker.depth(of: mail.name) != nil }
              try await body(
                RunningShop(
                  tracing: tracing, front: EndpointClient(http: http, instances: front), tasks: TaskStore(plain)))
            })
        } catch { result = .failure(error) }
        try await http.shutdown()
        try result.get()
      }
    }
  }

  private static func frontServer(
    _ database: any Database, _ back: EndpointClient, _ registry: any Registry, _ tracing: TracingSystem
  ) throws -> any Service {
    var routes = Routes(.init(verifier: nil))
    routes.on(Shop.place) { order, _ in
      _ = try await back(Shop.take, .init(id: order.number))
      try await database.write {
        try Outbox(service: "front").append(Shop.placed, subject: "\(order.number)", order, in: $0)
      }
      return Empty()
    }
    return try server("front", routes, Shop.place, registry, tracing)
  }

  private static func backServer(_ registry: any Registry, _ tracing: TracingSystem) throws -> any Service {
    var routes = Routes(.init(verifier: nil))
    routes.on(Shop.take) { stock, _ in
      if stock.id == Shop.bad { throw CocoaError(.fileNoSuchFile) }
      return Empty()
    }
    return try server("back", routes, Shop.take, registry, tracing)
  }

  private static func server(
    _ name: String, _ routes: consuming Routes, _ endpoint: any EndpointDescription, _ registry: any Registry,
    _ tracing: TracingSystem
  ) throws -> any Service {
    let telemetry = ServiceTelemetry(
      service: name, level: .critical, output: LogOutput(collecting: .json), tracer: tracing.tracer(for: name))
    return TracedService(
      try HTTPServer(
        service: name, host: "127.0.0.1", port: 0, version: "1", endpoints: [endpoint],
        responder: try routes.build(declared: [endpoint], telemetry: telemetry.http), checks: [], registry: registry,
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, telemetry: telemetry), tracer: telemetry.tracer)
  }

  private static func worker(_ database: any Database) -> any Service {
    let worker = TaskWorker(database: database, logger: .silent)
    worker.handle(Shop.send) { order, _ in
      if order.number == Shop.unsendable { throw CocoaError(.fileNoSuchFile) }
    }
    return worker
  }

  private static func mail(_ database: any Database, _ broker: any EventBroker) -> EventConsumer {
    EventConsumer(
      service: "mail", family: "order",
      handlers: [
        .on(Shop.placed) { event, transaction in
          try TaskQueue().enqueue(Shop.send, event.payload, in: transaction)
        }
      ], database: database, broker: broker, logger: .silent)
  }
}

@Suite struct OneTraceTests {
  @Test("an order is one trace, over services, database, events and tasks", arguments: Engine.available)
  func one(engine: Engine) async throws {
    try await RunningShop.run(on: engine) { shop in
      let trace = try await shop.place(1)
      try await eventually("the mail is sent") { shop.spans(of: trace).contains { $0.name == "task mail.send" } }
      try await eventually("it is known to be published") { shop.spans(of: trace).contains { $0.kind == .producer } }
      #expect(
        shop.tree(of: trace) == [
          "client internal buy",
          "  client client POST /api/v1/orders",
          "    front server POST /api/v1/orders",
          "      front client PUT /api/v1/stock/{id}",
          "        back server PUT /api/v1/stock/{id}",
          "      mail consumer process order.placed.v1",
          "        mail consumer task mail.send",
          "      front producer publish order.placed.v1",
          "      front client write shop_db",
        ])
      let spans = shop.spans(of: trace)
      let write = try #require(spans.first { $0.name == "write shop_db" })
      #expect(write.attributes["db.system.name"] == .string(engine == .sqlite ? "sqlite" : "postgresql"))
      let task = try #require(spans.first { $0.name == "task mail.send" })
      #expect(task.attributes["gravity.task.outcome"] == "done" && task.attributes["gravity.task.attempt"] == 1)
      let server = try #require(spans.first { $0.resource.service == "back" })
      #expect(server.attributes["http.response.status_code"] == 204 && server.isParentRemote)
    }
  }

  @Test("of an order whose client asks for no trace nothing is kept", arguments: Engine.available)
  func unsampled(engine: Engine) async throws {
    try await RunningShop.run(on: engine) { shop in
      let trace = try await shop.place(1, isSampled: false)
      try await eventually("the mail is sent") {
        try await shop.tasks.counts().contains { $0.state == .done && $0.count == 1 }
      }
      // Another, whose spans come after any of the first.
      let other = try await shop.place(2)
      try await eventually("the other is done") { shop.spans(of: other).contains { $0.name == "task mail.send" } }
      #expect(shop.spans(of: trace).isEmpty)
    }
  }

  @Test("what fails is kept all the same, with what it was part of", arguments: Engine.available)
  func errors(engine: Engine) async throws {
    try await RunningShop.run(on: engine, .parentBased(.alwaysOff)) { shop in
      let trace = try await shop.place(Shop.bad, isSampled: false)
      #expect(
        shop.tree(of: trace) == [
          "client internal buy !",
          "  client client POST /api/v1/orders !",
          "    front server POST /api/v1/orders !",
          "      front client PUT /api/v1/stock/{id} !",
          "        back server PUT /api/v1/stock/{id} !",
        ])
      // The task fails where nothing else does; its parents are other pieces of work, and well.
      let other = try await shop.place(Shop.unsendable, isSampled: false)
      try await eventually("the mail has failed") { !shop.spans(of: other).isEmpty }
      #expect(shop.spans(of: other).allSatisfy { $0.name == "task mail.send" && $0.isError })
    }
  }
}
