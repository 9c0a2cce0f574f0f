public import GravityData
import GravityEvents

/// The tables of inventory_db.
public enum InventorySchema {
  public static let migrations: [Migration] = [
    Migration(1, "idempotency", Idempotency.migrationStatements),
    Migration(2, "locations, items and levels", locations + items + levels + movements),
    Migration(3, "reservations", reservations + holds),
    Migration(4, "events", Outbox.migrationStatements + EventConsumer.migrationStatements),
  ]

  private static let locations: [SQL] = [
    .table(
      "locations",
      """
      code \(type: .text) PRIMARY KEY, name \(type: .text) NOT NULL, priority \(type: .bigint) NOT NULL,
      version \(type: .bigint) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      updated_at \(type: .timestamptz) NOT NULL
      """),
    "INSERT INTO locations (code, name, priority, version, created_at, updated_at) SELECT 'main', 'Main', 0, 1, at, at "
      + "FROM (SELECT \(now) AS at) AS clock",
  ]

  /// For the one row that a migration writes.
  private static let now: SQL =
    .only(.postgresql, "now()")
    + .only(.sqlite, "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000")

  private static let items: [SQL] = [
    .table(
      "items",
      """
      sku \(type: .text) PRIMARY KEY, status \(type: .text) NOT NULL, low_threshold \(type: .bigint) NOT NULL,
      restock_threshold \(type: .bigint) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      updated_at \(type: .timestamptz) NOT NULL,
      CHECK (low_threshold >= 0 AND restock_threshold > low_threshold)
      """),
    "CREATE INDEX items_status ON items (status, sku)",
  ]

  /// The last line of defence: whatever the program believes, no level is ever oversold.
  private static let levels: [SQL] = [
    .table(
      "levels",
      """
      sku \(type: .text) NOT NULL REFERENCES items (sku), location \(type: .text) NOT NULL REFERENCES locations (code),
      on_hand \(type: .bigint) NOT NULL, reserved \(type: .bigint) NOT NULL, allocated \(type: .bigint) NOT NULL,
      incoming \(type: .bigint) NOT NULL, movements \(type: .bigint) NOT NULL, PRIMARY KEY (sku, location),
      CHECK (on_hand >= 0 AND reserved >= 0 AND allocated >= 0 AND incoming >= 0),
      CHECK (reserved + allocated <= on_hand)
      """),
    "CREATE INDEX levels_location ON levels (location)",
  ]

  /// Only ever inserted into. `number` counts the movements of a level, so that a missing one is seen.
  private static let movements: [SQL] = [
    .table(
      "movements",
      """
      sku \(type: .text) NOT NULL, location \(type: .text) NOT NULL, number \(type: .bigint) NOT NULL,
      reason \(type: .text) NOT NULL, delta \(type: .bigint) NOT NULL, reserved_delta \(type: .bigint) NOT NULL,
      allocated_delta \(type: .bigint) NOT NULL, reference \(type: .text), created_at \(type: .timestamptz) NOT NULL,
      PRIMARY KEY (sku, location, number)
      """),
    "CREATE INDEX movements_item ON movements (sku, created_at, location, number)",
  ]

  /// Kept for ever: an id that was used, or released before it came, is never used again.
  private static let reservations: [SQL] = [
    .table(
      "reservations",
      """
      id \(type: .uuid) PRIMARY KEY, state \(type: .text) NOT NULL, lines \(type: .jsonb) NOT NULL,
      expires_at \(type: .timestamptz) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      closed_at \(type: .timestamptz), version \(type: .bigint) NOT NULL
      """),
    "CREATE INDEX reservations_state ON reservations (state, id)",
    "CREATE INDEX reservations_expiry ON reservations (expires_at) WHERE state = 'active'",
  ]

  /// What active reservations hold; a level's `reserved` is the sum of its rows.
  private static let holds: [SQL] = [
    .table(
      "holds",
      """
      reservation_id \(type: .uuid) NOT NULL, sku \(type: .text) NOT NULL, location \(type: .text) NOT NULL,
      quantity \(type: .bigint) NOT NULL CHECK (quantity > 0), expires_at \(type: .timestamptz) NOT NULL,
      PRIMARY KEY (reservation_id, sku, location)
      """),
    "CREATE INDEX holds_expiry ON holds (sku, expires_at, reservation_id)",
  ]
}
