import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityHTTP
import GravityIdentity
import GravitySaga
import GravityTelemetry
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import OrderAPI
import Patience
import ServiceLifecycle
import Testbed
import Testing

@testable import OrderServer

typealias Reply = Testbed.Reply

/// The order service as clients see it, with a catalogue, an inventory and a payment service that it makes up.
struct OrderFixture: Sendable {
  let database: any Database
  let catalogue: FakeCatalogue
  let stock: FakeStock
  let cashier: FakeCashier
  let service: OrderService
  let client: any TestClientProtocol
  let user = UUID.v7()

  static func run(
    on engine: Engine, _ configure: (inout OrderConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (OrderFixture) async throws -> Void
  ) async throws {
    var configuration = OrderConfiguration()
    configure(&configuration)
    let settings = configuration
    try await engine.withDatabase(OrderService.migrations) { database in
      let (catalogue, stock, cashier) = (FakeCatalogue(), FakeStock(), FakeCashier())
      for (sku, price) in [("MUG", 1_299), ("TEE", 2_450), ("FREE", 0)] as [(String, Int64)] {
        catalogue.set(sku, price, .usd)
        stock.set(sku, 1_000)
      }
      catalogue.set("MUG", 1_900, .jpy)
      catalogue.set("MUG", 3_995, .kwd)
      let service = try OrderService(
        database: database, verifier: FakeVerifier(), catalogue: catalogue, stock: stock, cashier: cashier,
        configuration: settings, logger: .silent)
      let application = Application(
        responder: try service.responder(telemetry: HTTPTelemetry(logger: .silent, metrics: PrometheusMetrics())),
        configuration: .init(address: .hostname("127.0.0.1", port: 0)), logger: .silent)
      let group = ServiceGroup(
        configuration: .init(services: [service.tasks], logger: .silent))
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        try await application.test(.ahc(.http)) { client in
          try await body(
            OrderFixture(
              database: database, catalogue: catalogue, stock: stock, cashier: cashier, service: service,
              client: client))
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
      }
    }
  }

  var token: String { FakeVerifier.token(user) }
  var administrator: String {
    FakeVerifier.token(UUID.v7(), ["orders:read", "orders:write", "sagas:read", "sagas:write"])
  }

  func send<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ path: String? = nil, _ fields: [String: Any] = [:],
    token: String?, headers more: [String: String] = [:]
  ) async throws -> Reply<Response> {
    var headers: HTTPFields = [:]
    if let token { headers[.authorization] = "Bearer \(token)" }
    for (name, value) in more { headers[HTTPField.Name(name)!] = value }
    var body: ByteBuffer?
    if endpoint.hasBody {
      headers[.contentType] = "application/json"
      body = ByteBuffer(bytes: try JSONSerialization.data(withJSONObject: fields, options: .sortedKeys))
    }
    return Reply(
      try await client.execute(
        uri: path ?? endpoint.path, method: .init(rawValue: endpoint.method.rawValue)!, headers: headers, body: body))
  }

  static let address: [String: any Sendable] = [
    "name": "A. Buyer", "line1": "1 High Street", "city": "Bonn", "country": "DE",
  ]

  static func placement(
    _ lines: [(String, Int)] = [("MUG", 2)], method: String = "pm_approve", currency: String = "USD"
  ) -> [String: Any] {
    [
      "lines": lines.map { ["sku": $0.0, "quantity": $0.1] as [String: Any] }, "shipping_address": address,
      "payment_method": method, "currency": currency,
    ]
  }

  /// - Parameter wait: seconds to wait for the end of the saga; 0 for none.
  func place(
    _ lines: [(String, Int)] = [("MUG", 2)], method: String = "pm_approve", currency: String = "USD", wait: Int = 15,
    key: String = UUID().uuidString, token: String? = nil
  ) async throws -> Reply<Order> {
    var headers = ["Idempotency-Key": key]
    if wait > 0 { headers["Prefer"] = "wait=\(wait)" }
    return try await send(
      OrderAPI.place, nil, Self.placement(lines, method: method, currency: currency), token: token ?? self.token,
      headers: headers)
  }

  func order(_ id: UUID) async throws -> Order {
    try await send(OrderAPI.order, "/api/v1/orders/\(id.lowercased)", token: token).value
  }

  /// Waits until the order has that status.
  func order(_ id: UUID, becomes status: OrderStatus) async throws -> Order {
    try await eventually("the order becomes \(status)") { try await order(id).status == .known(status) }
    return try await order(id)
  }

  func cancel(_ id: UUID, token: String? = nil, wait: Int = 15) async throws -> Reply<Order> {
    try await send(
      OrderAPI.cancel, "/api/v1/orders/\(id.lowercased)/cancel", [:], token: token ?? self.token,
      headers: wait > 0 ? ["Prefer": "wait=\(wait)"] : [:])
  }

  /// What others are told of an order, in its order: `placed`, `paid`, `confirmed`.
  func events(of id: UUID) async throws -> [String] {
    try await database.rows("SELECT body FROM outbox WHERE subject = \(id.lowercased)")
      .map { try CloudEvent(json: try $0.get("body")) }.sorted { $0.sequence < $1.sequence }
      .map { event in
        #expect(OrderEvents.all.contains { $0.name == event.type })
        return String(event.type.split(separator: ".")[1])
      }
  }

  /// What the payment service would tell.
  func paymentMoved(_ order: Order) async throws {
    try await database.write { transaction in
      try service.core.sagas.signal(
        order.id, event: PlacementSaga.paymentMoved, payload: .integer(Int64.random(in: 1...1_000_000)),
        in: transaction)
    }
  }
}

extension Currency {
  static let usd = Currency("USD")!
  static let jpy = Currency("JPY")!
  static let kwd = Currency("KWD")!
}
