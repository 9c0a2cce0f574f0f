import Foundation
import GravityContracts
import GravityData
import InventoryAPI

/// What can be done with a reservation, and what comes of it in each state:
///
/// | | create | commit | extend | release | return |
/// |---|---|---|---|---|---|
/// | none | active | not found | not found | released | returned |
/// | active | the same¹ | committed | active | released | returned |
/// | committed | the same¹ | the same | closed | closed | returned |
/// | released, expired, returned | closed | closed | closed | the same | the same |
///
/// ¹ with the same lines; otherwise it is a conflict.
extension StockBatch {
  /// - Parameter demands: by SKU, each once.
  /// - Throws: `Problem` 409.
  func reserve(_ id: UUID, _ demands: [Demand], for ttl: Int) throws -> StockReservation {
    if let row = try reservation(id) {
      guard row.state == .active || row.state == .committed else { throw Self.closed(row) }
      guard row.lines.map({ Demand(sku: $0.sku, quantity: $0.quantity) }) == demands else {
        throw Problem(409, "reservation_conflict", "The id's reservation has other lines")
      }
      return row.wire(at: now)
    }
    let row = ReservationRow(
      id: id, state: .active, lines: try plan(demands),
      expiresAt: (now + TimeInterval(ttl)).roundedToMicroseconds, at: now)
    for line in row.lines {
      for source in line.sources {
        try move(
          line.sku, at: source.location, .reserved, reserved: source.quantity, reference: id.lowercased)
      }
    }
    put(row)
    try record(InventoryEvents.reserved, row)
    try settle(demands.map(\.sku))
    return row.wire(at: now)
  }

  func commit(_ id: UUID) throws -> StockReservation {
    guard let row = try reservation(id) else { throw Problem.notFound("reservation") }
    switch row.state {
    case .active: return try close(row, .committed, at: now).wire(at: now)
    case .committed: return row.wire(at: now)
    case .released, .expired, .returned: throw Self.closed(row)
    }
  }

  func extend(_ id: UUID, for ttl: Int) throws -> StockReservation {
    guard var row = try reservation(id) else { throw Problem.notFound("reservation") }
    guard row.state == .active else { throw Self.closed(row) }
    let end = (now + TimeInterval(ttl)).roundedToMicroseconds
    guard end > row.expiresAt else { return row.wire(at: now) }
    row.expiresAt = end
    row.version += 1
    put(row)
    return row.wire(at: now)
  }

  func release(_ id: UUID) throws -> StockReservation {
    guard let row = try reservation(id) else { return tombstone(id, .released) }
    switch row.state {
    case .active: return try close(row, .released, at: now).wire(at: now)
    // A late undo of the reservation must not take away what was sold.
    case .committed: throw Self.closed(row)
    case .released, .expired, .returned: return row.wire(at: now)
    }
  }

  func takeBack(_ id: UUID) throws -> StockReservation {
    guard let row = try reservation(id) else { return tombstone(id, .returned) }
    switch row.state {
    case .active, .committed: return try close(row, .returned, at: now).wire(at: now)
    case .released, .expired, .returned: return row.wire(at: now)
    }
  }

  /// Ends what a reservation held or had sold.
  func close(_ old: ReservationRow, _ state: StockReservation.State, at time: Date) throws -> ReservationRow {
    var row = old
    row.state = state
    row.closedAt = time
    row.version += 1
    let wasSold = old.state == .committed
    let (reason, event) =
      switch state {
      case .active, .committed: (StockMovement.Reason.committed, InventoryEvents.committed)
      case .released: (.released, InventoryEvents.released)
      case .expired: (.expired, InventoryEvents.expired)
      case .returned: (wasSold ? .uncommitted : .released, InventoryEvents.returned)
      }
    for line in row.lines {
      for source in line.sources {
        try move(
          line.sku, at: source.location, reason, reserved: wasSold ? 0 : -source.quantity,
          allocated: state == .committed ? source.quantity : wasSold ? -source.quantity : 0,
          reference: row.id.lowercased)
      }
    }
    put(row)
    try record(event, row)
    try settle(row.lines.map(\.sku))
    return row
  }

  /// Uses an id up, so that what was to be undone and has not come yet is refused when it comes.
  private func tombstone(_ id: UUID, _ state: StockReservation.State) -> StockReservation {
    let row = ReservationRow(id: id, state: state, lines: [], expiresAt: now, at: now)
    put(row)
    return row.wire(at: now)
  }

  /// Where to take from. What has expired is free, and is freed when it is needed.
  /// - Throws: `Problem` 409 that lists what is short.
  private func plan(_ demands: [Demand]) throws -> [StockReservationLine] {
    func attempt() -> [StockReservationLine]? {
      Sourcing.plan(
        demands,
        Dictionary(
          demands.map { ($0.sku, items[$0.sku]?.levels ?? []) }, uniquingKeysWith: { first, _ in first }))
    }
    try load(StockNeeds(skus: Set(demands.map(\.sku))))
    if let lines = attempt() { return lines }
    var shortages: [StockShortage] = []
    for demand in demands {
      let free = items[demand.sku]?.available ?? 0
      guard free < demand.quantity else { continue }
      let available = free + (items[demand.sku] == nil ? 0 : try dueQuantity(of: demand.sku))
      if available < demand.quantity {
        shortages.append(StockShortage(sku: demand.sku, requested: demand.quantity, available: available))
      }
    }
    guard shortages.isEmpty else { throw Self.insufficient(shortages) }
    for demand in demands {
      try expireDue(of: demand.sku) { (items[demand.sku]?.available ?? 0) >= demand.quantity }
    }
    guard let lines = attempt() else {
      throw DatabaseError(.other, "what has expired did not add up to what was held")
    }
    return lines
  }

  private static func insufficient(_ shortages: [StockShortage]) -> Problem {
    Problem(
      409, "insufficient_stock", "There is not enough in stock",
      detail: shortages.map { "\($0.sku): \($0.requested) wanted, \($0.available) available." }.prefix(5)
        .joined(separator: " "),
      extensions: [
        "shortages": .array(
          shortages.map {
            .object([
              "sku": .string($0.sku), "requested": .integer($0.requested), "available": .integer($0.available),
            ])
          })
      ])
  }

  private static func closed(_ row: ReservationRow) -> Problem {
    Problem(
      409, "reservation_closed", "The reservation is \(row.state.rawValue)",
      detail: "Reserve again under another id.", extensions: ["state": .string(row.state.rawValue)])
  }
}
