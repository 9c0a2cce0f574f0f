import Foundation
import GravityCache
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import GravityTasks
import GravityTelemetry
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import ProductAPI
import ServiceLifecycle
import Synchronization
import Testbed
import Testing
@testable import ProductServer

/// Not that of the server's side.
typealias Reply<Value: Decodable> = Testbed.Reply<Value>

/// The product service as clients see it, on a clock that a test moves.
struct ProductFixture: Sendable {
  let database: any Database
  let clock: TestClock
  let service: ProductService
  let client: any TestClientProtocol

  static func run(
    on engine: Engine, reader: (@Sendable (DatabaseProducts) throws -> any ProductReader)? = nil,
    statementTimeout: Duration = .seconds(30), _ body: @escaping @Sendable (ProductFixture) async throws -> Void
  ) async throws {
    try await engine.withDatabase(ProductService.migrations, statementTimeout: statementTimeout) { database in
      let clock = TestClock()
      let service = ProductService(
        database: database, verifier: FakeVerifier(), reader: try reader?(DatabaseProducts(database: database)),
        logger: .silent, metrics: PrometheusMetrics(), clock: .fixed { clock.next() }, newID: { OrderedIDs.next() })
      let application = Application(
        responder: try service.responder(telemetry: HTTPTelemetry(logger: .silent, metrics: PrometheusMetrics())),
        configuration: .init(address: .hostname("127.0.0.1", port: 0)), logger: .silent)
      try await application.test(.live) { client in
        try await body(ProductFixture(database: database, clock: clock, service: service, client: client))
      }
    }
  }

  // MARK: Calls

  /// Sends `body` as it is; nil sends none.
  func send<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ path: String? = nil, raw body: String?, as type: String?,
    token: String? = FakeVerifier.writer, headers more: [String: String] = [:]
  ) async throws -> Reply<Response> {
    var headers: HTTPFields = [:]
    if let token { headers[.authorization] = "Bearer \(token)" }
    if let type { headers[.contentType] = type }
    for (name, value) in more { headers[HTTPField.Name(name)!] = value }
    return Reply(
      try await client.execute(
        uri: path ?? endpoint.path, method: .init(rawValue: endpoint.method.rawValue)!, headers: headers,
        body: body.map { ByteBuffer(string: $0) }))
  }

  func send<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ path: String? = nil, _ fields: [String: Any] = [:],
    token: String? = FakeVerifier.writer, headers: [String: String] = [:]
  ) async throws -> Reply<Response> {
    let json = try JSONSerialization.data(withJSONObject: fields, options: .sortedKeys)
    return try await send(
      endpoint, path, raw: endpoint.hasBody ? String(decoding: json, as: UTF8.self) : nil,
      as: endpoint.hasBody ? "application/json" : nil, token: token, headers: headers)
  }

  func path(_ product: UUID, _ rest: String = "") -> String { "/api/v1/products/\(product.lowercased)\(rest)" }

  // MARK: Products

  func create(_ fields: [String: Any], token: String? = FakeVerifier.writer) async throws -> Reply<Product> {
    try await send(ProductAPI.createProduct, nil, fields, token: token)
  }

  /// A published product of one variant.
  @discardableResult
  func shirt(
    _ sku: String, title: String = "Shirt", amount: Int = 1299, currency: String = "USD", more: [String: Any] = [:]
  ) async throws -> Product {
    var fields: [String: Any] = [
      "title": title, "status": "published",
      "variants": [["sku": sku, "price": ["amount": amount, "currency": currency]]],
    ]
    fields.merge(more) { _, new in new }
    let reply = try await create(fields)
    try #require(reply.status == 201, "\(reply.text)")
    return try reply.value
  }

  func get(_ id: UUID, token: String? = nil) async throws -> Reply<Product> {
    try await send(ProductAPI.product, path(id), token: token)
  }

  func list(_ query: String = "", token: String? = nil) async throws -> Reply<Page<PartialProduct>> {
    try await send(ProductAPI.products, "/api/v1/products?\(query)", token: token)
  }

  func titles(_ query: String = "", token: String? = nil) async throws -> [String] {
    let reply = try await list(query, token: token)
    try #require(reply.status == 200, "\(reply.text)")
    return try reply.value.items.compactMap(\.title)
  }

  func patch(_ id: UUID, _ fields: [String: Any], ifMatch: String? = nil) async throws -> Reply<Product> {
    try await send(
      ProductAPI.updateProduct, path(id), fields, headers: ifMatch.map { ["If-Match": $0] } ?? [:])
  }

  /// `product.created.v1` and so on, in their order.
  func events(of subject: UUID? = nil) async throws -> [String] {
    let rows =
      if let subject {
        try await database.rows("SELECT type FROM outbox WHERE subject = \(subject.lowercased) ORDER BY id")
      } else {
        try await database.rows("SELECT type FROM outbox ORDER BY id")
      }
    return try rows.map { try $0.get(0) }
  }

  /// Everything that a change would leave a trace in.
  func footprint() async throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for table in [
      "products", "variants", "prices", "slugs", "product_prices", "product_tags", "product_terms", "outbox",
      "categories",
    ] {
      counts[table] = try await database.rows("SELECT count(*) FROM \(SQL(stringLiteral: table))").first?.get(0)
    }
    return counts
  }

  /// Runs the service's tasks while `body` does, as a start of the service of its own.
  func whileTasksRun(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let started = ProductService(
      database: database, verifier: FakeVerifier(), logger: .silent, metrics: PrometheusMetrics(),
      clock: .fixed { clock.next() }, newID: { OrderedIDs.next() })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { do { try await started.worker.run() } catch is CancellationError {} }
      try await body()
      group.cancelAll()
    }
  }
}

final class TestClock: Sendable {
  private let time = Mutex(Date(microsecondsSince1970: Date().microsecondsSince1970))
  /// Goes on with every look, so that nothing happens at the same time.
  func next() -> Date {
    time.withLock { time in
      time = Date(microsecondsSince1970: time.microsecondsSince1970 + 1)
      return time
    }
  }
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

/// Takes `user~<permission>~…` and `service~…` for tokens.
struct FakeVerifier: TokenVerifier {
  static let writer = "user~products:write~products:read"
  static let reader = "user~products:read"
  static let customer = "user"
  static let service = "service"

  func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    let parts = token.split(separator: "~").map(String.init)
    guard let kind = parts.first, ["user", "service"].contains(kind) else {
      throw TokenRefusal(.invalid, "no such token")
    }
    return Principal(
      subject: "01900000-0000-7000-8000-000000000001", tokenID: token,
      permissions: parts.dropFirst().map(Permission.init(rawValue:)), issuedAt: .distantPast,
      expiresAt: .distantFuture, isService: kind == "service")
  }
}
