import Foundation
import GravityContracts
import GravityData
import InventoryAPI

/// What there is, and how it changes other than by reservations.
struct Items: Sendable {
  let core: InventoryCore
  let writer: StockWriter

  private static let mostDelta: Int64 = 1_000_000_000
  private static let mostThreshold: Int64 = 1_000_000_000

  func list(_ request: StockItemQuery) async throws -> Page<StockItem> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map { cursor in
      guard cursor.parts.count == 1 else { throw Problem.invalid("cursor", "format", "is not a cursor of this list") }
      return cursor.parts[0]
    }
    return try await core.database.read { [core] transaction in
      let store = ItemStore(transaction)
      let skus = try store.skus(after: after, status: request.status, limit: limit + 1)
      let items = try store.find(skus, at: core.now(transaction))
      return Page(fetched: items.map(\.wire), limit: limit) { Cursor([$0.sku]) }
    }
  }

  func find(_ sku: String) async throws -> StockItem {
    let found = try await core.database.read { [core] transaction in
      try ItemStore(transaction).find([sku], at: core.now(transaction)).first
    }
    guard let found else { throw Problem.notFound("item") }
    return found.wire
  }

  func create(_ request: NewStockItem, once key: IdempotencyKey?) async throws -> Once<StockItem> {
    let sku = try SKU.checked(request.sku)
    let low = request.lowThreshold ?? core.configuration.lowThreshold
    let restock = request.restockThreshold ?? max(core.configuration.restockThreshold, low + 1)
    let thresholds = try Self.checked(Thresholds(low: low, restock: restock))
    return try await writer.write(StockNeeds(skus: [sku]), once: key) { try $0.create(sku, thresholds) }
  }

  func update(_ request: StockItemUpdate) async throws -> StockItem {
    try await writer.write(StockNeeds(skus: [request.sku])) { batch in
      try batch.update(request.sku) { old in
        try Self.checked(
          Thresholds(low: request.lowThreshold ?? old.low, restock: request.restockThreshold ?? old.restock))
      }
    }
  }

  func adjust(_ request: StockAdjustment, once key: IdempotencyKey?) async throws -> Once<StockItem> {
    let sku = try SKU.checked(request.sku)
    guard request.delta != 0, (-Self.mostDelta...Self.mostDelta).contains(request.delta) else {
      throw Problem.invalid("delta", "range", "must be from -\(Self.mostDelta) to \(Self.mostDelta), and not 0")
    }
    if let reference = request.reference {
      guard (1...200).contains(reference.unicodeScalars.count), Text.isPrintable(reference) else {
        throw Problem.invalid("reference", "format", "must have 1 to 200 characters and no control characters")
      }
    }
    return try await writer.write(StockNeeds(skus: [sku]), once: key) { batch in
      try batch.adjust(
        sku, by: request.delta, at: request.location ?? StockLocation.main, request.reason, request.reference)
    }
  }

  func set(_ request: StockLevelChange) async throws -> StockItem {
    let sku = try SKU.checked(request.sku)
    let bounds = 0...StockBatch.mostOnHand
    for (field, value) in [("on_hand", request.onHand), ("incoming", request.incoming ?? 0)] {
      guard bounds.contains(value) else {
        throw Problem.invalid(field, "range", "must be from 0 to \(bounds.upperBound)")
      }
    }
    return try await writer.write(StockNeeds(skus: [sku])) { batch in
      try batch.set(
        sku, at: request.location, to: request.onHand, from: request.expected, incoming: request.incoming,
        request.reason ?? .counted)
    }
  }

  func movements(_ request: StockMovementQuery) async throws -> Page<StockMovement> {
    let limit = try PageLimit.checked(request.limit)
    let before = try request.cursor.map { try StockMovementPlace($0) }
    return try await core.database.read { transaction in
      guard try ItemStore(transaction).exists(request.sku) else { throw Problem.notFound("item") }
      let rows = try MovementStore(transaction).list(of: request.sku, before: before, limit: limit + 1)
      return Page(fetched: rows, limit: limit) { $0.place.cursor }
    }
  }

  private static func checked(_ thresholds: Thresholds) throws -> Thresholds {
    guard (0..<mostThreshold).contains(thresholds.low) else {
      throw Problem.invalid("low_threshold", "range", "must be from 0 to \(mostThreshold - 1)")
    }
    guard thresholds.restock > thresholds.low, thresholds.restock <= mostThreshold else {
      throw Problem.invalid(
        "restock_threshold", "range", "must be greater than low_threshold, up to \(mostThreshold)")
    }
    return thresholds
  }
}

extension StockMovement {
  fileprivate var place: StockMovementPlace {
    StockMovementPlace(createdAt: createdAt, location: location, number: number)
  }
}

extension StockMovementPlace {
  fileprivate init(_ cursor: Cursor) throws {
    let parts = cursor.parts
    guard parts.count == 3, let time = Int64(parts[0]), let number = Int64(parts[2]) else {
      throw Problem.invalid("cursor", "format", "is not a cursor of this list")
    }
    self.init(createdAt: Date(microsecondsSince1970: time), location: parts[1], number: number)
  }

  fileprivate var cursor: Cursor { Cursor(["\(createdAt.microsecondsSince1970)", location, "\(number)"]) }
}
