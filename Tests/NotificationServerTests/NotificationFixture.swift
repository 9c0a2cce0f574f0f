import AuthAPI
import Foundation
import GravityContracts
import GravityData
@testable import GravityEvents
import GravityHTTP
import GravityIdentity
import GravityTelemetry
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NotificationAPI
import OrderAPI
import Testbed
import Testing
import UserAPI
@testable import NotificationServer

/// What a client gets, not what a handler of GravityHTTP adds to it.
typealias Reply = Testbed.Reply

/// The notification service as clients and events see it, on a clock that a test moves.
struct NotificationFixture: Sendable {
  let database: any Database
  let clock: TestClock
  let recipients: FakeRecipients
  let orders: FakeOrders
  let mail: FakeMail
  let outgoing: FakeOutgoing
  let log: LogOutput
  let service: NotificationService
  let client: any TestClientProtocol

  static func run(
    on engine: Engine, transport: (any MailTransport)? = nil, providers: [MessageProvider] = [],
    _ configure: (inout NotificationConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (NotificationFixture) async throws -> Void
  ) async throws {
    try await engine.withDatabase(NotificationService.migrations) { database in
      try await run(with: database, transport: transport, providers: providers, configure, body)
    }
  }

  /// - Parameter database: Migrated.
  static func run(
    with database: any Database, transport: (any MailTransport)? = nil, providers: [MessageProvider] = [],
    _ configure: (inout NotificationConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (NotificationFixture) async throws -> Void
  ) async throws {
    var configuration = NotificationConfiguration()
    configure(&configuration)
    let settings = configuration
    let (clock, recipients, orders, mail) = (TestClock(), FakeRecipients(), FakeOrders(), FakeMail())
    let outgoing = FakeOutgoing()
    let log = LogOutput(collecting: .json)
    let logger = Logger(label: "notification") {
      ECSLogHandler(label: $0, service: "notification", level: .trace, output: log)
    }
    let service = try NotificationService(
      database: database, verifier: FakeVerifier(), directory: recipients, orders: orders, mail: transport ?? mail,
      providers: MessageProviders(providers, http: outgoing), outgoing: outgoing, envelope: Envelope(MasterKey()),
      links: UnsubscribeLinks(masterKey: Self.key, base: "https://shop.example"),
      offered: OrderEvents.all + AuthEvents.all,
      configuration: settings, logger: logger, clock: .fixed { clock.now }, newID: { OrderedIDs.next() },
      chance: { 0.5 },
      pause: { try await clock.wait($0 / .seconds(1)) })
    let application = Application(
      responder: try service.responder(telemetry: HTTPTelemetry(logger: logger, metrics: PrometheusMetrics())),
      configuration: .init(address: .hostname("127.0.0.1", port: 0)), logger: .silent)
    try await application.test(.live) { client in
      try await body(
        NotificationFixture(
          database: database, clock: clock, recipients: recipients, orders: orders, mail: mail, outgoing: outgoing,
          log: log, service: service, client: client))
    }
  }

  static let key = MasterKey()

  // MARK: Calls

  var administrator: String { FakeVerifier.token("*:*") }

  /// Sends `body` as it is; nil sends none.
  func send<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ path: String? = nil, raw body: String?, token: String? = nil,
    headers more: [String: String] = [:]
  ) async throws -> Reply<Response> {
    var headers: HTTPFields = [:]
    if let token { headers[.authorization] = "Bearer \(token)" }
    if body != nil { headers[.contentType] = "application/json" }
    for (name, value) in more { headers[HTTPField.Name(name)!] = value }
    return Reply(
      try await client.execute(
        uri: path ?? endpoint.path, method: .init(rawValue: endpoint.method.rawValue)!, headers: headers,
        body: body.map { ByteBuffer(string: $0) }))
  }

  /// As an administrator, unless it is said.
  func send<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ path: String? = nil, _ fields: [String: Any] = [:],
    token: String? = nil, headers: [String: String] = [:]
  ) async throws -> Reply<Response> {
    let json = try JSONSerialization.data(withJSONObject: fields, options: .sortedKeys)
    return try await send(
      endpoint, path, raw: endpoint.hasBody ? String(decoding: json, as: UTF8.self) : nil,
      token: token ?? administrator, headers: headers)
  }

  func notify(
    _ fields: [String: Any], key: String = UUID().uuidString, token: String? = nil
  ) async throws -> Reply<NotificationRecord> {
    try await send(
      NotificationAPI.createNotification, nil, fields, token: token, headers: ["Idempotency-Key": key])
  }

  /// Publishes `my.note`, which has words for every channel.
  func publishNote(category: String = "orders") async throws {
    let note = ["title": "Note {{n}}", "body": "The {{n}}. note.", "link": "/notes/{{n}}"]
    let path = "/api/v1/notification-templates/my.note"
    let saved = try await send(
      NotificationAPI.saveDraft, "\(path)/draft",
      [
        "default_locale": "en", "category": category,
        "variables": [["name": "n", "kind": "integer", "required": true]],
        "texts": [
          [
            "locale": "en", "subject": "Note {{n}}", "text": "The {{n}}. note.", "sms": "Note {{n}} of {{site.name}}",
            "push": note, "in_app": note,
          ]
        ],
      ])
    #expect(saved.status == 200)
    #expect(try await send(NotificationAPI.publishTemplate, "\(path)/publish").status == 200)
  }

  /// - Returns: the notification's id.
  func note(_ number: Int, to user: UUID, by channels: [String], _ more: [String: Any] = [:]) async throws -> UUID {
    var fields: [String: Any] = [
      "template": "my.note", "user_id": user.lowercased, "channels": channels, "data": ["n": number],
    ]
    fields.merge(more) { $1 }
    let made = try await notify(fields)
    #expect(made.status == 202, "\(made.text)")
    return try made.value.id
  }

  /// Where its delivery by that channel stands, and why.
  func state(_ id: UUID, _ channel: DeliveryChannel) async throws -> String {
    let delivery = try #require(try await find(id).deliveries.first { $0.channel == .known(channel) })
    return "\(delivery.state.rawValue) \(delivery.reason ?? "")"
  }

  func find(_ id: UUID) async throws -> NotificationRecord {
    try await send(NotificationAPI.notification, "/api/v1/notifications/\(id.lowercased)").value
  }

  func outbox(_ query: String = "limit=100") async throws -> [OutboxMessage] {
    try await send(NotificationAPI.outbox, "\(NotificationAPI.outbox.path)?\(query)").value.items
  }

  func notifications(_ query: String = "limit=100") async throws -> [NotificationRecord] {
    try await send(NotificationAPI.notifications, "\(NotificationAPI.notifications.path)?\(query)").value.items
  }

  // MARK: Work

  /// Sends what is due now.
  /// - Returns: how many deliveries were tried.
  @discardableResult
  func deliver() async throws -> Int {
    var count = 0
    while true {
      let claim = try await service.sending.claim()
      if claim.assignments.isEmpty { return count }
      try await service.sending.run(claim.assignments)
      count += claim.assignments.count
    }
  }

  /// Sends what webhooks are to be told now.
  /// - Returns: how many attempts that were.
  @discardableResult
  func deliverWebhooks() async throws -> Int {
    var count = 0
    while true {
      let claim = try await service.webhookRun.claim(limit: 50)
      if claim.assignments.isEmpty { return count }
      for assignment in claim.assignments { try await service.webhookRun.run(assignment) }
      count += claim.assignments.count
    }
  }

  // MARK: Events

  /// Takes an event in as a consumer does: with its inbox, in one transaction.
  @discardableResult
  func hear<Payload>(
    _ type: EventType<Payload>, _ payload: Payload, id: UUID = OrderedIDs.next()
  ) async throws -> UUID {
    let handlers =
      service.events.ofUsers + service.events.ofPasswords + service.events.ofTokens
      + service.events.ofOrders
    return try await take(type, payload, id: id, "notification", handlers)
  }

  /// The same for webhooks, which have consumers of their own.
  @discardableResult
  func tellWebhooks<Payload>(
    _ type: EventType<Payload>, _ payload: Payload, id: UUID = OrderedIDs.next()
  ) async throws -> UUID {
    try await take(type, payload, id: id, "webhooks", service.webhookHandlers.flatMap(\.handlers))
  }

  private func take<Payload>(
    _ type: EventType<Payload>, _ payload: Payload, id: UUID, _ consumer: String, _ handlers: [EventHandler]
  ) async throws -> UUID {
    let intake = EventIntake(
      consumer: "\(consumer).\(type.family)", order: .any,
      handlers: Dictionary(uniqueKeysWithValues: handlers.map { ($0.type, $0) }))
    let event = CloudEvent(
      id: id, source: "/test", type: type.name, subject: "x", time: clock.now, sequence: 1,
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      data: Array(try WireFormat.makeEncoder().encode(payload)))
    try await database.write { _ = try intake.take([event], in: $0, spans: EventSpans(consumer: intake.consumer)) }
    return id
  }

  func confirmed(_ order: UUID, of user: UUID, id: UUID = OrderedIDs.next()) async throws {
    try await hear(OrderEvents.orderConfirmed, OrderEvent(orderID: order, userID: user), id: id)
  }

  /// What other services are told, in its order: `queued`, `sent`.
  func told(of notification: UUID) async throws -> [String] {
    let events = try await database.rows("SELECT body FROM outbox WHERE subject = \(notification.lowercased)").map {
      try CloudEvent(json: try $0.get("body"))
    }
    return events.sorted { $0.sequence < $1.sequence }.map { event in
      #expect(NotificationEvents.all.contains { $0.name == event.type })
      return String(event.type.split(separator: ".")[1])
    }
  }

  func count(_ table: SQL) async throws -> Int {
    try await database.rows("SELECT count(*) FROM \(table)").first?.get(0) ?? 0
  }
}
