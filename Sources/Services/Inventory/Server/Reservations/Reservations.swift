import Foundation
import GravityContracts
import GravityData
import InventoryAPI

/// Holding stock for orders.
struct Reservations: Sendable {
  let core: InventoryCore
  let writer: StockWriter

  private static let mostLines = 100
  private static let mostQuantity: Int64 = 1_000_000
  private static let mostSeconds = 7 * 86_400

  func create(_ request: NewStockReservation, once key: IdempotencyKey?) async throws -> Once<StockReservation> {
    let demands = try Self.demands(request.lines)
    try Self.check(request.ttlSeconds)
    let id = request.id ?? core.newID()
    return try await writer.write(Self.needs(id, demands), once: key) { batch in
      try batch.reserve(id, demands, for: request.ttlSeconds)
    }
  }

  func find(_ id: UUID) async throws -> StockReservation {
    let found = try await core.database.read { [core] transaction in
      try ReservationStore(transaction).find([id]).first?.wire(at: core.now(transaction))
    }
    guard let found else { throw Problem.notFound("reservation") }
    return found
  }

  func list(_ request: StockReservationQuery) async throws -> Page<StockReservation> {
    let limit = try PageLimit.checked(request.limit)
    let before = try request.cursor.map { try $0.id }
    return try await core.database.read { [core] transaction in
      let now = try core.now(transaction)
      let rows = try ReservationStore(transaction).list(
        before: before, state: request.state, at: now, limit: limit + 1)
      return Page(fetched: rows.map { $0.wire(at: now) }, limit: limit) { Cursor([$0.id.lowercased]) }
    }
  }

  func commit(_ id: UUID) async throws -> StockReservation { try await change(id) { try $0.commit(id) } }

  func release(_ id: UUID) async throws -> StockReservation { try await change(id) { try $0.release(id) } }

  func takeBack(_ id: UUID) async throws -> StockReservation { try await change(id) { try $0.takeBack(id) } }

  func extend(_ request: StockReservationExtension) async throws -> StockReservation {
    try Self.check(request.ttlSeconds)
    return try await change(request.id) { try $0.extend(request.id, for: request.ttlSeconds) }
  }

  /// Ends reservations whose time is over, so that it is told; their stock is free anyway.
  /// - Returns: how many, at most ``InventoryConfiguration/sweepBatch``.
  func expireDue() async throws -> Int {
    // Most of the time there is nothing, and then nobody has to wait for us.
    let isAny = try await core.database.read { [core] transaction in
      try !ReservationStore(transaction).due(at: core.now(transaction), limit: 1).isEmpty
    }
    guard isAny else { return 0 }
    return try await writer.write(StockNeeds()) { [core] batch in
      try batch.expireDue(limit: core.configuration.sweepBatch)
    }
  }

  private func change(
    _ id: UUID, _ body: @escaping @Sendable (StockBatch) throws -> StockReservation
  ) async throws -> StockReservation {
    try await writer.write(StockNeeds(reservations: [id]), body)
  }

  private static func needs(_ id: UUID, _ demands: [Demand]) -> StockNeeds {
    StockNeeds(skus: Set(demands.map(\.sku)), reservations: [id])
  }

  private static func check(_ ttlSeconds: Int) throws {
    guard (1...mostSeconds).contains(ttlSeconds) else {
      throw Problem.invalid("ttl_seconds", "range", "must be from 1 to \(mostSeconds)")
    }
  }

  /// What is wanted of each SKU over all lines: two lines that share one must not both be given the last.
  private static func demands(_ lines: [NewStockReservation.Line]) throws -> [Demand] {
    guard (1...mostLines).contains(lines.count) else {
      throw Problem.invalid("lines", "length", "must have 1 to \(mostLines) lines")
    }
    var errors: [Problem.FieldError] = []
    for (index, line) in lines.enumerated() {
      if let error = SKU.error(line.sku, field: "lines.\(index).sku") { errors.append(error) }
      if !(1...mostQuantity).contains(line.quantity) {
        errors.append(
          .init(field: "lines.\(index).quantity", code: "range", message: "must be from 1 to \(mostQuantity)"))
      }
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return Dictionary(lines.map { ($0.sku, $0.quantity) }, uniquingKeysWith: +)
      .map { Demand(sku: $0.key, quantity: $0.value) }.sorted { $0.sku < $1.sku }
  }
}
