import Foundation
import GravityData
import InventoryAPI

/// The tables `items` and `levels`, and the priorities of `locations`.
struct ItemStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    items.sku, items.status, items.low_threshold, items.restock_threshold, items.created_at, items.updated_at,
    levels.location, levels.on_hand, levels.allocated, levels.incoming, levels.movements, locations.priority
    """
  private static let tables: SQL = """
    items LEFT JOIN levels ON levels.sku = items.sku LEFT JOIN locations ON locations.code = levels.location
    """

  /// As they are written down: what has expired and was not swept is still reserved.
  func find(_ skus: [String]) throws -> [Item] {
    guard !skus.isEmpty else { return [] }
    return try Self.items(
      transaction.rows(
        """
        SELECT \(Self.columns), levels.reserved AS reserved FROM \(Self.tables)
        WHERE items.sku IN \(list: skus.padded)
        """))
  }

  /// As they are at that time: what has expired is reserved no more.
  func find(_ skus: [String], at time: Date) throws -> [Item] {
    guard !skus.isEmpty else { return [] }
    return try Self.items(
      transaction.rows(
        """
        SELECT \(Self.columns), levels.reserved - CAST(coalesce((
          SELECT sum(holds.quantity) FROM holds
          WHERE holds.sku = levels.sku AND holds.location = levels.location AND holds.expires_at <= \(time)
        ), 0) AS bigint) AS reserved
        FROM \(Self.tables) WHERE items.sku IN \(list: skus.padded)
        """))
  }

  /// A page of SKUs, in their order.
  func skus(after: String?, status: StockItem.Status?, limit: Int) throws -> [String] {
    var filter: SQL = "WHERE TRUE"
    if let after { filter = filter + " AND sku > \(after)" }
    if let status { filter = filter + " AND status = \(status.rawValue)" }
    return try transaction.rows("SELECT sku FROM items \(filter) ORDER BY sku LIMIT \(limit)").map { try $0.get("sku") }
  }

  func exists(_ sku: String) throws -> Bool {
    try !transaction.rows("SELECT 1 FROM items WHERE sku = \(sku)").isEmpty
  }

  func insert(_ item: Item) throws {
    try transaction.execute(
      """
      INSERT INTO items (sku, status, low_threshold, restock_threshold, created_at, updated_at)
      VALUES (\(item.sku), \(item.status.rawValue), \(item.thresholds.low), \(item.thresholds.restock),
        \(item.createdAt), \(item.updatedAt))
      """)
  }

  func update(_ item: Item) throws {
    try transaction.execute(
      """
      UPDATE items SET status = \(item.status.rawValue), low_threshold = \(item.thresholds.low),
        restock_threshold = \(item.thresholds.restock), updated_at = \(item.updatedAt)
      WHERE sku = \(item.sku)
      """)
  }

  func insert(_ level: Level, of sku: String) throws {
    try transaction.execute(
      """
      INSERT INTO levels (sku, location, on_hand, reserved, allocated, incoming, movements)
      VALUES (\(sku), \(level.location), \(level.onHand), \(level.reserved), \(level.allocated), \(level.incoming),
        \(level.movements))
      """)
  }

  /// Changes a level if it is still what it was and has enough: what was decided about it is checked where it counts.
  func update(_ level: Level, from old: Level, of sku: String) throws {
    let changed = try transaction.execute(
      """
      UPDATE levels SET on_hand = on_hand + \(level.onHand - old.onHand),
        reserved = reserved + \(level.reserved - old.reserved),
        allocated = allocated + \(level.allocated - old.allocated), incoming = \(level.incoming),
        movements = \(level.movements)
      WHERE sku = \(sku) AND location = \(level.location) AND movements = \(old.movements)
        AND on_hand + \(level.onHand - old.onHand)
          >= reserved + \(level.reserved - old.reserved) + allocated + \(level.allocated - old.allocated)
      """)
    guard changed == 1 else {
      throw DatabaseError(.serialization, "the level of \(sku) at \(level.location) is not what it was")
    }
  }

  /// By SKU; their levels by priority.
  private static func items(_ rows: [SQLRow]) throws -> [Item] {
    var items: [String: Item] = [:]
    for row in rows {
      let sku: String = try row.get("sku")
      var item = try items[sku] ?? Item(row)
      if let level = try Level(row) { item.levels.append(level) }
      items[sku] = item
    }
    return items.values.sorted { $0.sku < $1.sku }.map { item in
      var item = item
      item.levels.sort(by: Level.comesFirst)
      return item
    }
  }
}
