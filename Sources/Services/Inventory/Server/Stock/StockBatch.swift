import Foundation
import GravityContracts
import GravityData
import GravityEvents
import InventoryAPI

/// What a change wants to look at.
struct StockNeeds: Sendable {
  var skus: Set<String> = []
  var reservations: Set<UUID> = []

  mutating func formUnion(_ other: StockNeeds) {
    skus.formUnion(other.skus)
    reservations.formUnion(other.reservations)
  }
}

/// Changes of stock that share a transaction.
///
/// What they look at is read at once, each change decides by what those before it left, and at the end everything is
/// written at once: so a reservation costs a share of few statements. One that is refused has changed nothing, but for
/// reservations whose time was over.
final class StockBatch {
  let transaction: any Transaction
  let core: InventoryCore
  /// The database's clock.
  let now: Date
  private(set) var items: [String: Item] = [:]
  private var storedItems: [String: Item] = [:]
  private var reservations: [UUID: ReservationRow] = [:]
  private var storedReservations: [UUID: ReservationRow] = [:]
  /// What was looked for, whether or not it was found.
  private var known = StockNeeds()
  private var movements: [StockMovement] = []
  /// Why nothing of this may be written.
  private var fault: (any Error)?

  init(_ transaction: any Transaction, _ core: InventoryCore) throws {
    self.transaction = transaction
    self.core = core
    now = try core.now(transaction)
  }

  // MARK: Reading

  /// Reads what is not here yet: also the items of the reservations.
  func load(_ needs: StockNeeds) throws {
    let ids = needs.reservations.subtracting(known.reservations)
    var skus = needs.skus
    for row in try ReservationStore(transaction).find(ids.sorted { $0.lowercased < $1.lowercased }) {
      reservations[row.id] = row
      storedReservations[row.id] = row
      skus.formUnion(row.lines.map(\.sku))
    }
    known.reservations.formUnion(ids)
    skus.subtract(known.skus)
    for item in try ItemStore(transaction).find(skus.sorted()) {
      items[item.sku] = item
      storedItems[item.sku] = item
    }
    known.skus.formUnion(skus)
  }

  func item(_ sku: String) throws -> Item? {
    if !known.skus.contains(sku) { try load(StockNeeds(skus: [sku])) }
    return items[sku]
  }

  /// As it is now: one whose time is over has expired.
  func reservation(_ id: UUID) throws -> ReservationRow? {
    if !known.reservations.contains(id) { try load(StockNeeds(reservations: [id])) }
    guard let row = reservations[id] else { return nil }
    return row.isDue(at: now) ? try expire(row) : row
  }

  /// Those that were read and of which nothing is held any more, since they were due.
  var expiredHere: [ReservationRow] {
    storedReservations.values.filter { $0.isDue(at: now) && reservations[$0.id]?.state != .active }
  }

  // MARK: Changing

  /// Runs one change. What it throws but a `Problem` is a fault, that may have left it half done.
  func change<T>(_ body: (StockBatch) throws -> T) throws -> T {
    do {
      return try body(self)
    } catch {
      if !(error is Problem) { fault = error }
      throw error
    }
  }

  func put(_ item: Item) { items[item.sku] = item }
  func put(_ row: ReservationRow) {
    known.reservations.insert(row.id)
    reservations[row.id] = row
  }

  /// Changes a level of an item that is here, and takes the movement down.
  func move(
    _ sku: String, at location: String, _ reason: StockMovement.Reason, onHand: Int64 = 0, reserved: Int64 = 0,
    allocated: Int64 = 0, reference: String?
  ) throws {
    guard var item = items[sku], let index = item.levels.firstIndex(where: { $0.location == location }) else {
      throw DatabaseError(.other, "there is no level of \(sku) at \(location)")
    }
    var level = item.levels[index]
    level.onHand += onHand
    level.reserved += reserved
    level.allocated += allocated
    level.movements += 1
    guard level.onHand >= 0, level.reserved >= 0, level.allocated >= 0, level.available >= 0 else {
      throw DatabaseError(.checkViolation, "the level of \(sku) at \(location) would be oversold")
    }
    item.levels[index] = level
    items[sku] = item
    movements.append(
      StockMovement(
        sku: sku, location: location, number: level.movements, reason: reason, delta: onHand, reservedDelta: reserved,
        allocatedDelta: allocated, reference: reference, createdAt: now))
  }

  /// Tells what has become of those items' status. To be called when a change is complete.
  func settle(_ skus: some Sequence<String>) throws {
    for sku in skus {
      guard var item = items[sku] else { continue }
      let (old, available) = (item.status, item.available)
      item.status = item.thresholds.status(after: old, available: available)
      guard item.status != old else { continue }
      item.updatedAt = now
      items[sku] = item
      let type =
        switch item.status {
        case .low: InventoryEvents.low
        case .outOfStock: InventoryEvents.outOfStock
        // What was only low was never out of stock.
        case .inStock: old == .outOfStock ? InventoryEvents.backInStock : nil as EventType<StockLevelEvent>?
        }
      guard let type else { continue }
      try core.events.append(type, subject: sku, StockLevelEvent(sku: sku, available: available), in: transaction)
    }
  }

  func record(_ type: EventType<StockReservationEvent>, _ row: ReservationRow) throws {
    try core.events.append(type, subject: row.id.lowercased, row.event, in: transaction)
  }

  // MARK: Writing

  /// Writes everything, in the order of SKUs and locations.
  /// - Throws: also the fault of a change.
  func flush() throws {
    if let fault { throw fault }
    try writeItems()
    try writeReservations()
    try MovementStore(transaction).insert(movements)
  }

  private func writeItems() throws {
    let store = ItemStore(transaction)
    for sku in items.keys.sorted() {
      guard let item = items[sku] else { continue }
      let old = storedItems[sku]
      if let old {
        if (old.status, old.thresholds.low, old.thresholds.restock)
          != (item.status, item.thresholds.low, item.thresholds.restock)
        {
          try store.update(item)
        }
      } else {
        try store.insert(item)
      }
      for level in item.levels.sorted(by: { $0.location < $1.location }) {
        if let oldLevel = old?.levels.first(where: { $0.location == level.location }) {
          if level != oldLevel { try store.update(level, from: oldLevel, of: sku) }
        } else {
          try store.insert(level, of: sku)
        }
      }
    }
  }

  private func writeReservations() throws {
    let (store, holds) = (ReservationStore(transaction), HoldStore(transaction))
    let rows = reservations.values.sorted { $0.id.lowercased < $1.id.lowercased }
    let new = rows.filter { storedReservations[$0.id] == nil }
    try store.insert(new)
    try holds.insert(of: new.filter { $0.state == .active })
    var closed: [StockReservation.State: [UUID]] = [:]
    for row in rows {
      guard let old = storedReservations[row.id], old != row else { continue }
      if row.version == old.version + 1, row.expiresAt == old.expiresAt {
        closed[row.state, default: []].append(row.id)
      } else {
        try store.update(row)
        if row.state == .active { try holds.extend(row.id, until: row.expiresAt) }
      }
    }
    for (state, ids) in closed { try store.close(ids, state, at: state == .expired ? nil : now) }
    try holds.delete(
      of: rows.filter { storedReservations[$0.id]?.state == .active && $0.state != .active }.map(\.id))
  }
}
