import Foundation
import GravityData
import InventoryAPI

struct ReservationRow: SQLRecord, Hashable {
  let id: UUID
  var state: StockReservation.State
  let lines: [StockReservationLine]
  var expiresAt: Date
  let createdAt: Date
  var closedAt: Date?
  var version: Int64

  init(id: UUID, state: StockReservation.State, lines: [StockReservationLine], expiresAt: Date, at time: Date) {
    self.id = id
    self.state = state
    self.lines = lines
    self.expiresAt = expiresAt
    createdAt = time
    closedAt = state == .active ? nil : time
    version = 1
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    state = try row.get("state")
    lines = try row.get("lines", as: SQLJSON<[StockReservationLine]>.self).value
    expiresAt = try row.get("expires_at")
    createdAt = try row.get("created_at")
    closedAt = try row.get("closed_at")
    version = try row.get("version")
  }

  /// Whether its time is over and nobody has said so yet.
  func isDue(at time: Date) -> Bool { state == .active && expiresAt <= time }

  /// As it is at that time, whether or not it was swept.
  func wire(at time: Date) -> StockReservation {
    let isDue = isDue(at: time)
    return StockReservation(
      id: id, state: isDue ? .expired : state, lines: lines, expiresAt: expiresAt, createdAt: createdAt,
      closedAt: isDue ? expiresAt : closedAt, version: isDue ? version + 1 : version)
  }

  var event: StockReservationEvent {
    StockReservationEvent(
      reservationID: id, version: version, lines: lines.map { .init(sku: $0.sku, quantity: $0.quantity) })
  }
}

/// The table `reservations`.
struct ReservationStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = "id, state, lines, expires_at, created_at, closed_at, version"

  func find(_ ids: [UUID]) throws -> [ReservationRow] {
    guard !ids.isEmpty else { return [] }
    return try transaction.all("SELECT \(Self.columns) FROM reservations WHERE id IN \(list: ids.padded)")
  }

  /// Latest first, which is the order of ids that were made here.
  func list(before: UUID?, state: StockReservation.State?, at time: Date, limit: Int) throws -> [ReservationRow] {
    var filter: SQL = "WHERE TRUE"
    if let before { filter = filter + " AND id < \(before)" }
    switch state {
    case nil: break
    case .active?: filter = filter + " AND state = 'active' AND expires_at > \(time)"
    case .expired?: filter = filter + " AND (state = 'expired' OR state = 'active' AND expires_at <= \(time))"
    case let state?: filter = filter + " AND state = \(state.rawValue)"
    }
    return try transaction.all(
      "SELECT \(Self.columns) FROM reservations \(filter) ORDER BY id DESC LIMIT \(limit)")
  }

  /// Those whose time is over, the oldest first.
  func due(at time: Date, limit: Int) throws -> [UUID] {
    try transaction.rows(
      """
      SELECT id FROM reservations WHERE state = 'active' AND expires_at <= \(time) ORDER BY expires_at LIMIT \(limit)
      """
    ).map { try $0.get("id") }
  }

  func insert(_ rows: [ReservationRow]) throws {
    try transaction.insert(
      "INSERT INTO reservations (\(Self.columns))",
      rows.map { row in
        """
        (\(row.id), \(row.state.rawValue), \(try SQLJSON(row.lines)), \(row.expiresAt), \(row.createdAt),
          \(row.closedAt), \(row.version))
        """
      })
  }

  func update(_ row: ReservationRow) throws {
    try transaction.execute(
      """
      UPDATE reservations SET state = \(row.state.rawValue), expires_at = \(row.expiresAt),
        closed_at = \(row.closedAt), version = \(row.version)
      WHERE id = \(row.id)
      """)
  }

  /// Ends many in the same way: at that time, or, without one, when their own was over.
  func close(_ ids: [UUID], _ state: StockReservation.State, at time: Date?) throws {
    guard !ids.isEmpty else { return }
    let end: SQL = time.map { "\($0)" } ?? "expires_at"
    try transaction.execute(
      """
      UPDATE reservations SET state = \(state.rawValue), closed_at = \(end), version = version + 1
      WHERE id IN \(list: ids.padded)
      """)
  }
}
