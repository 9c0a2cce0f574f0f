import GravityData
import InventoryAPI

/// A level in a transaction's hands.
struct Level: Sendable, Hashable {
  let location: String
  let priority: Int64
  var onHand: Int64 = 0
  var reserved: Int64 = 0
  var allocated: Int64 = 0
  var incoming: Int64 = 0
  /// How many movements it is the sum of.
  var movements: Int64 = 0

  var available: Int64 { onHand - reserved - allocated }

  init(location: String, priority: Int64) {
    self.location = location
    self.priority = priority
  }

  /// nil where an item has none.
  init?(_ row: SQLRow) throws {
    guard let location: String = try row.get("location") else { return nil }
    self.location = location
    priority = try row.get("priority")
    onHand = try row.get("on_hand")
    reserved = try row.get("reserved")
    allocated = try row.get("allocated")
    incoming = try row.get("incoming")
    movements = try row.get("movements")
  }

  var wire: StockLevel {
    StockLevel(location: location, onHand: onHand, reserved: reserved, allocated: allocated, incoming: incoming)
  }

  /// The order in which reservations take.
  static func comesFirst(_ one: Level, _ other: Level) -> Bool {
    (one.priority, one.location) < (other.priority, other.location)
  }
}
