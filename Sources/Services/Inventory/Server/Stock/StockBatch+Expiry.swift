import Foundation
import GravityContracts
import GravityData
import InventoryAPI

extension StockBatch {
  /// Ends a reservation whose time is over, and frees what it held.
  @discardableResult
  func expire(_ row: ReservationRow) throws -> ReservationRow {
    try close(row, .expired, at: row.expiresAt)
  }

  /// Ends those whose time is over, the oldest first.
  /// - Returns: how many.
  func expireDue(limit: Int) throws -> Int {
    // Those that a change before this one has ended are still written down as they were.
    let done = Set(expiredHere.map(\.id))
    let ids = try ReservationStore(transaction).due(at: now, limit: limit + done.count)
      .filter { !done.contains($0) }.prefix(limit)
    try load(StockNeeds(reservations: Set(ids)))
    for id in ids { _ = try reservation(id) }
    return ids.count
  }

  /// What of a SKU is held by reservations whose time is over.
  func dueQuantity(of sku: String) throws -> Int64 {
    let freed = expiredHere.flatMap(\.lines).filter { $0.sku == sku }.reduce(0) { $0 + $1.quantity }
    return try HoldStore(transaction).due(of: sku, at: now) - freed
  }

  /// Ends reservations that hold some of a SKU and whose time is over, until enough is free or there are no more.
  func expireDue(of sku: String, until isEnough: () throws -> Bool) throws {
    let size = 100
    var last: HoldStore.Due?
    while try !isEnough() {
      let due = try HoldStore(transaction).due(of: sku, at: now, after: last, limit: size)
      try load(StockNeeds(reservations: Set(due.map(\.reservation))))
      for hold in due where try !isEnough() { _ = try reservation(hold.reservation) }
      guard due.count == size else { return }
      last = due.last
    }
  }
}
