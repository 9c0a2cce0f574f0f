import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import GravityTelemetry
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import InventoryAPI
import Logging
import Synchronization
import Testbed
import Testing
@testable import InventoryServer

final class TestClock: Sendable {
  private let time = Mutex(Date(microsecondsSince1970: Date().microsecondsSince1970))
  var now: Date { time.withLock { $0 } }
  func advance(_ seconds: TimeInterval) { time.withLock { $0 += seconds } }
}

/// Takes `<permission>~<permission>…` for a token.
struct FakeVerifier: TokenVerifier {
  static let all = [InventoryAPI.read, InventoryAPI.write, InventoryAPI.reserve].map(\.rawValue).joined(separator: "~")

  func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    guard token != "bad" else { throw TokenRefusal(.invalid, "no such token") }
    return Principal(
      subject: "order", tokenID: token, permissions: token.split(separator: "~").map { Permission(rawValue: "\($0)") },
      issuedAt: .distantPast, expiresAt: .distantFuture, isService: true)
  }
}

/// The inventory service as clients see it, on a clock that a test moves.
struct InventoryFixture: Sendable {
  let database: any Database
  let clock: TestClock
  let service: InventoryService
  let client: any TestClientProtocol

  static func service(
    _ database: any Database, _ clock: TestClock, _ configure: (inout InventoryConfiguration) -> Void = { _ in }
  ) throws -> InventoryService {
    var configuration = InventoryConfiguration()
    configure(&configuration)
    return try InventoryService(
      database: database, verifier: FakeVerifier(), configuration: configuration, logger: .silent,
      metrics: PrometheusMetrics(), clock: .fixed { clock.now })
  }

  static func run(
    on engine: Engine, _ configure: (inout InventoryConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (InventoryFixture) async throws -> Void
  ) async throws {
    try await engine.withDatabase(InventoryService.migrations) { database in
      let clock = TestClock()
      let service = try service(database, clock, configure)
      let application = Application(
        responder: try service.responder(
          telemetry: HTTPTelemetry(logger: .silent, metrics: PrometheusMetrics())),
        configuration: .init(address: .hostname("127.0.0.1", port: 0)), logger: .silent)
      try await application.test(.live) { client in
        try await body(InventoryFixture(database: database, clock: clock, service: service, client: client))
      }
      // Whatever a test did: no level is ever out of step with what it is made of.
      try await Books(database).check()
    }
  }

  // MARK: Calls

  func send<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ path: String? = nil, _ fields: [String: Any] = [:],
    token: String? = FakeVerifier.all, headers more: [String: String] = [:]
  ) async throws -> Testbed.Reply<Response> {
    var headers: HTTPFields = [:]
    if let token { headers[.authorization] = "Bearer \(token)" }
    for (name, value) in more { headers[HTTPField.Name(name)!] = value }
    var body: ByteBuffer?
    if endpoint.hasBody {
      headers[.contentType] = "application/json"
      body = ByteBuffer(bytes: try JSONSerialization.data(withJSONObject: fields, options: .sortedKeys))
    }
    return Testbed.Reply(
      try await client.execute(
        uri: path ?? endpoint.path, method: .init(rawValue: endpoint.method.rawValue)!, headers: headers, body: body))
  }

  @discardableResult
  func receive(_ sku: String, _ quantity: Int64, at location: String? = nil) async throws -> StockItem {
    try await service.items.adjust(
      StockAdjustment(sku: sku, delta: quantity, reason: .received, location: location), once: nil
    ).value
  }

  func reserve(
    _ lines: [(String, Int64)], id: UUID = .v7(), ttl: Int = 600
  ) async throws -> StockReservation {
    try await service.reserve(lines, id: id, ttl: ttl)
  }

  func item(_ sku: String) async throws -> StockItem { try await service.items.find(sku) }

  /// What was told about a subject, in its order.
  func events(of subject: String) async throws -> [String] {
    struct Told: Decodable {
      let type, sequence: String
    }
    let told = try await database.rows("SELECT body FROM outbox WHERE subject = \(subject)").map { row in
      try JSONDecoder().decode(Told.self, from: Data(row.get("body", as: [UInt8].self)))
    }
    let inOrder = told.sorted { Int($0.sequence) ?? 0 < Int($1.sequence) ?? 0 }
    // Numbered without gaps.
    let numbers = (0..<told.count).map { "\($0 + 1)" }
    #expect(inOrder.map(\.sequence) == numbers)
    return inOrder.map { String($0.type.split(separator: ".")[1]) }
  }
}

extension InventoryService {
  func reserve(_ lines: [(String, Int64)], id: UUID = .v7(), ttl: Int = 600) async throws -> StockReservation {
    try await reservations.create(
      NewStockReservation(id: id, lines: lines.map { .init(sku: $0, quantity: $1) }, ttlSeconds: ttl), once: nil
    ).value
  }
}

/// What an operation ended with.
enum Verdict: Sendable, Hashable, CustomStringConvertible {
  case ok(StockReservation.State)
  case refused(String)

  static func of(_ body: () async throws -> StockReservation) async throws -> Verdict {
    do {
      let reservation = try await body()
      guard case .known(let state) = reservation.state else { throw DatabaseError(.other, "an unknown state") }
      return .ok(state)
    } catch let problem as Problem {
      return .refused(problem.code.rawValue)
    }
  }

  var description: String {
    switch self {
    case .ok(let state): state.rawValue
    case .refused(let code): code
    }
  }
}

/// The invariants of the tables among each other.
struct Books {
  let database: any Database
  init(_ database: any Database) { self.database = database }

  func check(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    // A level is the sum of its movements, in each quantity, and none is missing.
    try await expectNone(
      """
      SELECT levels.sku FROM levels LEFT JOIN (
        SELECT sku, location, sum(delta) AS d, sum(reserved_delta) AS r, sum(allocated_delta) AS a, count(*) AS n,
          max(number) AS last FROM movements GROUP BY sku, location
      ) AS sums ON sums.sku = levels.sku AND sums.location = levels.location
      WHERE coalesce(d, 0) <> on_hand OR coalesce(r, 0) <> reserved OR coalesce(a, 0) <> allocated
        OR coalesce(n, 0) <> movements OR coalesce(last, 0) <> movements
      """, "a level is not the sum of its movements", sourceLocation)
    // What is reserved is what active reservations hold.
    try await expectNone(
      """
      SELECT levels.sku FROM levels LEFT JOIN (
        SELECT sku, location, sum(quantity) AS q FROM holds GROUP BY sku, location
      ) AS sums ON sums.sku = levels.sku AND sums.location = levels.location WHERE coalesce(q, 0) <> reserved
      """, "what is reserved is not what is held", sourceLocation)
    try await expectNone(
      """
      SELECT holds.sku FROM holds LEFT JOIN reservations ON reservations.id = holds.reservation_id
        AND reservations.state = 'active' AND reservations.expires_at = holds.expires_at WHERE reservations.id IS NULL
      """, "something is held by nobody", sourceLocation)
    try await expectNone(
      """
      SELECT id FROM reservations WHERE state = 'active'
        AND id NOT IN (SELECT reservation_id FROM holds)
      """, "an active reservation holds nothing", sourceLocation)
    try await expectNone(
      """
      SELECT sku FROM levels WHERE on_hand < 0 OR reserved < 0 OR allocated < 0 OR on_hand < reserved + allocated
      """, "a level is oversold", sourceLocation)
    // What is allocated is what committed reservations took.
    var sold: [String: Int64] = [:]
    for row in try await database.rows("SELECT lines FROM reservations WHERE state = 'committed'") {
      for line in try row.get("lines", as: SQLJSON<[StockReservationLine]>.self).value {
        for source in line.sources { sold["\(line.sku) \(source.location)", default: 0] += source.quantity }
      }
    }
    var allocated: [String: Int64] = [:]
    for row in try await database.rows("SELECT sku, location, allocated FROM levels WHERE allocated > 0") {
      let (sku, location): (String, String) = (try row.get("sku"), try row.get("location"))
      allocated["\(sku) \(location)"] = try row.get("allocated")
    }
    #expect(sold == allocated, sourceLocation: sourceLocation)
  }

  private func expectNone(_ query: SQL, _ comment: Comment, _ sourceLocation: SourceLocation) async throws {
    let rows = try await database.rows(query)
    #expect(rows.isEmpty, comment, sourceLocation: sourceLocation)
  }
}
