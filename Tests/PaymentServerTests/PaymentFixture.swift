import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityHTTP
import GravityIdentity
import GravityTelemetry
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import PaymentAPI
import Synchronization
import Testbed
import Testing

@testable import PaymentServer

/// A reply as a client reads it, not the service's half of one.
typealias Reply = Testbed.Reply

/// The payment service as clients see it, on a clock that a test moves and a provider that fails as it wants.
struct PaymentFixture: Sendable {
  let database: any Database
  let clock: TestClock
  let provider: FaultyProvider
  let log: LogOutput
  let service: PaymentService
  let client: any TestClientProtocol

  /// With a client, on the wire.
  static func run(
    on engine: Engine, _ configure: @escaping @Sendable (inout PaymentConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (PaymentFixture) async throws -> Void
  ) async throws {
    try await engine.withDatabase(PaymentService.migrations) { database in
      let (clock, log) = (TestClock(), LogOutput(collecting: .json))
      let logger = Logger(label: "payment") { ECSLogHandler(label: $0, service: "payment", level: .trace, output: log) }
      let provider = FaultyProvider(
        Simulator(database: database, clock: .fixed { clock.now }, newID: { OrderedIDs.next() }))
      let service = try Self.service(database, provider, clock, logger, configure)
      let application = Application(
        responder: try service.responder(telemetry: HTTPTelemetry(logger: logger, metrics: PrometheusMetrics())),
        configuration: .init(address: .hostname("127.0.0.1", port: 0)), logger: .silent)
      // Not `.live`: that client has one connection, on which requests wait for one another.
      try await application.test(.ahc(.http)) { client in
        try await body(
          PaymentFixture(
            database: database, clock: clock, provider: provider, log: log, service: service, client: client))
      }
    }
  }

  static func service(
    _ database: any Database, _ provider: any PaymentProvider, _ clock: TestClock, _ logger: Logger = .silent,
    _ configure: (inout PaymentConfiguration) -> Void = { _ in }
  ) throws -> PaymentService {
    var configuration = PaymentConfiguration()
    configure(&configuration)
    return try PaymentService(
      database: database, verifier: FakeVerifier(), provider: provider, configuration: configuration, logger: logger,
      clock: .fixed { clock.now }, newID: { OrderedIDs.next() })
  }

  /// Another process on the same database and the same provider, whose answers come.
  func restarted() throws -> PaymentService {
    let clock = clock
    return try Self.service(
      database, Simulator(database: database, clock: .fixed { clock.now }, newID: { OrderedIDs.next() }), clock)
  }

  // MARK: Calls

  static let staff = FakeVerifier.token("service~order", ["payments:read", "payments:write"])

  /// Sends `fields` as JSON; nil sends them as they are.
  func send<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ id: UUID? = nil, _ fields: [String: Any] = [:],
    raw: String? = nil, query: String = "", token: String? = staff, key: String? = nil
  ) async throws -> Reply<Response> {
    var headers: HTTPFields = [:]
    if let token { headers[.authorization] = "Bearer \(token)" }
    if let key { headers[HTTPField.Name("Idempotency-Key")!] = key }
    let body =
      try raw ?? String(decoding: JSONSerialization.data(withJSONObject: fields, options: .sortedKeys), as: UTF8.self)
    if endpoint.hasBody { headers[.contentType] = "application/json" }
    let path = endpoint.path.replacing("{payment_id}", with: id?.lowercased ?? "")
    return Reply(
      try await client.execute(
        uri: path + query, method: .init(rawValue: endpoint.method.rawValue)!, headers: headers,
        body: endpoint.hasBody ? ByteBuffer(string: body) : nil))
  }

  /// The status of any endpoint's reply.
  func status(_ endpoint: any EndpointDescription, _ id: UUID, token: String?) async throws -> Int {
    var headers: HTTPFields = [:]
    if let token { headers[.authorization] = "Bearer \(token)" }
    if endpoint.hasBody { headers[.contentType] = "application/json" }
    let path = endpoint.path.replacing("{payment_id}", with: id.lowercased)
    return try await client.execute(
      uri: path.replacing("{refund_id}", with: id.lowercased), method: .init(rawValue: endpoint.method.rawValue)!,
      headers: headers, body: endpoint.hasBody ? ByteBuffer(string: "{}") : nil
    ).status.code
  }

  static func fields(
    _ method: String? = "pm_sim_approve", amount: Int64 = 1_000, currency: String = "USD", id: UUID? = nil,
    customer: UUID? = nil, more: [String: Any] = [:]
  ) -> [String: Any] {
    var fields: [String: Any] = ["amount": ["amount": amount, "currency": currency]]
    if let method { fields["payment_method"] = method }
    if let id { fields["id"] = id.lowercased }
    if let customer { fields["customer_id"] = customer.lowercased }
    return fields.merging(more) { $1 }
  }

  func create(
    _ method: String? = "pm_sim_approve", amount: Int64 = 1_000, currency: String = "USD", id: UUID? = nil,
    customer: UUID? = nil, more: [String: Any] = [:], key: String? = nil
  ) async throws -> Reply<Payment> {
    try await send(
      PaymentAPI.createPayment, nil,
      Self.fields(method, amount: amount, currency: currency, id: id, customer: customer, more: more), key: key)
  }

  func money(_ amount: Int64, _ currency: String = "USD") -> [String: Any] {
    ["amount": ["amount": amount, "currency": currency]]
  }

  func payment(_ id: UUID) async throws -> Payment {
    let reply = try await send(PaymentAPI.paymentForServices, id)
    return try reply.value
  }

  func balance() async throws -> LedgerBalance { try await send(PaymentAPI.ledgerBalance).value }

  func charges(of id: UUID) async throws -> [SimulatorCharge] {
    try await send(PaymentAPI.simulatorCharges, query: "?payment_id=\(id.lowercased)").value.items
  }

  // MARK: What is in the database

  func row(_ id: UUID) async throws -> PaymentRow {
    try #require(try await database.read { try PaymentStore($0).find(id) })
  }
  func attempts(_ id: UUID) async throws -> [AttemptRow] {
    try await database.read { try AttemptStore($0).list(of: id) }
  }

  /// What other services are told about a payment and its refunds, in order: `payment.authorized`, …
  func events(of id: UUID) async throws -> [String] {
    let events = try await database.rows("SELECT body FROM outbox WHERE subject = \(id.lowercased)").map {
      try CloudEvent(json: try $0.get("body"))
    }
    return events.sorted { $0.sequence < $1.sequence }.map { event in
      #expect(PaymentEvents.all.contains { $0.name == event.type })
      return event.type.split(separator: ".")[..<2].joined(separator: ".")
    }
  }
}

final class TestClock: Sendable {
  private let time = Mutex(Date(microsecondsSince1970: Date().microsecondsSince1970))
  var now: Date { time.withLock { $0 } }
  func advance(_ seconds: TimeInterval) { time.withLock { $0 += seconds } }
}

/// Ids of which each is greater than the one before, also within a millisecond.
enum OrderedIDs {
  private static let last = Mutex<Int64>(0)

  static func next() -> UUID {
    let milliseconds = last.withLock { last in
      last = max(last + 1, Int64(Date().timeIntervalSince1970 * 1000))
      return last
    }
    var random = SystemRandomNumberGenerator()
    return UUID.v7(at: Date(timeIntervalSince1970: Double(milliseconds) / 1000 + 0.0001), using: &random)
  }
}

/// Takes `user~<id>~<permission>…` and `service~<name>~<permission>…` for tokens.
struct FakeVerifier: TokenVerifier {
  static func token(_ who: String, _ permissions: [Permission] = []) -> String {
    ([who] + permissions.map(\.rawValue)).joined(separator: "~")
  }
  static func user(_ id: UUID, _ permissions: [Permission] = []) -> String {
    token("user~\(id.lowercased)", permissions)
  }

  func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    let parts = token.split(separator: "~").map(String.init)
    guard parts.count >= 2 else { throw TokenRefusal(.invalid, "no such token") }
    return Principal(
      subject: parts[1], tokenID: token, permissions: parts.dropFirst(2).map(Permission.init(rawValue:)),
      issuedAt: .distantPast, expiresAt: .distantFuture, isService: parts[0] == "service")
  }
}
