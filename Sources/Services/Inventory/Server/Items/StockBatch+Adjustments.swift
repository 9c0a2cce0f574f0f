import Foundation
import GravityContracts
import GravityData
import InventoryAPI

extension StockBatch {
  /// The most that can be on hand of an item in one place.
  static let mostOnHand: Int64 = 1_000_000_000_000

  /// - Throws: `Problem` 409.
  func create(_ sku: String, _ thresholds: Thresholds) throws -> StockItem {
    guard try item(sku) == nil else { throw Problem(409, "item_exists", "There is an item \(sku) already") }
    let item = Item(sku: sku, thresholds: thresholds, at: now)
    put(item)
    return item.wire
  }

  /// - Throws: `Problem` 404; 422 when they do not fit together.
  func update(_ sku: String, _ change: (Thresholds) throws -> Thresholds) throws -> StockItem {
    guard var item = try item(sku) else { throw Problem.notFound("item") }
    let thresholds = try change(item.thresholds)
    if thresholds != item.thresholds {
      item.thresholds = thresholds
      item.updatedAt = now
      put(item)
    }
    return try settled(sku)
  }

  /// - Throws: `Problem` 409, 422.
  func adjust(_ sku: String, by delta: Int64, at location: String, _ reason: StockReason, _ reference: String?) throws
    -> StockItem
  {
    let level = try level(of: sku, at: location)
    guard level.onHand + delta <= Self.mostOnHand else {
      throw Problem(
        422, "too_much_stock", "There cannot be more than \(Self.mostOnHand) of an item in one place",
        extensions: level.members)
    }
    let free = try free(sku, atLeast: -delta, at: location, level)
    guard free.available + delta >= 0 else { throw Self.inUse(free) }
    try prepare(sku, location, free)
    try move(sku, at: location, reason.movement, onHand: delta, reference: reference)
    return try settled(sku)
  }

  /// Compare and swap.
  /// - Throws: `Problem` 409, 422.
  func set(
    _ sku: String, at location: String, to onHand: Int64, from expected: Int64, incoming: Int64?, _ reason: StockReason
  ) throws -> StockItem {
    let old = try level(of: sku, at: location)
    guard old.onHand == expected else {
      throw Problem(
        409, "level_changed", "On hand is \(old.onHand), not \(expected)", detail: "Look again, and set what you mean.",
        extensions: old.members)
    }
    let free = try free(sku, atLeast: old.onHand - onHand, at: location, old)
    guard onHand >= free.reserved + free.allocated else { throw Self.inUse(free) }
    try prepare(sku, location, free)
    if let incoming, incoming != free.incoming, var item = items[sku] {
      for index in item.levels.indices where item.levels[index].location == location {
        item.levels[index].incoming = incoming
      }
      put(item)
    }
    if onHand != free.onHand {
      try move(sku, at: location, reason.movement, onHand: onHand - free.onHand, reference: nil)
    }
    return try settled(sku)
  }

  /// The level as it is, or an empty one where there could be one.
  private func level(of sku: String, at location: String) throws -> Level {
    if let level = try item(sku)?.levels.first(where: { $0.location == location }) { return level }
    guard let found = try LocationStore(transaction).find(location) else {
      throw Problem.invalid("location", "unknown_location", "is not a location")
    }
    return Level(location: location, priority: found.priority)
  }

  /// The level when so much of it was freed, as far as reservations that have expired hold it.
  private func free(_ sku: String, atLeast quantity: Int64, at location: String, _ level: Level) throws -> Level {
    func current() -> Level { items[sku]?.levels.first { $0.location == location } ?? level }
    guard current().available < quantity else { return level }
    try expireDue(of: sku) { current().available >= quantity }
    return current()
  }

  /// Makes item and level where they are missing.
  private func prepare(_ sku: String, _ location: String, _ level: Level) throws {
    var item =
      items[sku]
      ?? Item(
        sku: sku,
        thresholds: Thresholds(low: core.configuration.lowThreshold, restock: core.configuration.restockThreshold),
        at: now)
    if !item.levels.contains(where: { $0.location == location }) {
      item.levels.append(level)
      item.levels.sort(by: Level.comesFirst)
    }
    put(item)
  }

  /// The item after a change, without what has expired.
  private func settled(_ sku: String) throws -> StockItem {
    // So many at most: what the sweeper has not done in hours is not done here.
    var rest = 1_000
    try expireDue(of: sku) {
      rest -= 1
      return rest < 0
    }
    try settle([sku])
    guard let item = items[sku] else { throw Problem.notFound("item") }
    return item.wire
  }

  private static func inUse(_ level: Level) -> Problem {
    Problem(
      409, "stock_in_use", "Less would be left than is reserved and sold",
      detail: "Of \(level.onHand) on hand \(level.reserved) are reserved and \(level.allocated) allocated.",
      extensions: level.members)
  }
}

extension Level {
  /// What is there, for a problem.
  fileprivate var members: [String: JSONValue] {
    [
      "location": .string(location), "on_hand": .integer(onHand), "reserved": .integer(reserved),
      "allocated": .integer(allocated), "available": .integer(available),
    ]
  }
}

extension StockReason {
  fileprivate var movement: StockMovement.Reason {
    switch self {
    case .received: .received
    case .returned: .returned
    case .damaged: .damaged
    case .lost: .lost
    case .counted: .counted
    case .correction: .correction
    }
  }
}
