public import GravityData
import GravityEvents
import GravitySaga

/// The tables of order_db.
public enum OrderSchema {
  public static let migrations: [Migration] = [
    Migration(1, "idempotency", Idempotency.migrationStatements),
    Migration(2, "orders and their history", orders),
    Migration(3, "carts", carts),
    Migration(4, "events", Outbox.migrationStatements + EventConsumer.migrationStatements),
    Migration(5, "sagas", SagaStore.migrationStatements),
    Migration(6, "who is erased", personalData),
  ]

  // What is searched or changed has a column; what is only shown is one document, written once.
  private static let orders: [SQL] = [
    .table(
      "orders",
      """
      id \(type: .uuid) PRIMARY KEY, number \(type: .text) NOT NULL UNIQUE, user_id \(type: .uuid) NOT NULL,
      status \(type: .text) NOT NULL, payment_status \(type: .text) NOT NULL, fulfillment_status \(type: .text) NOT NULL,
      cancel_reason \(type: .text), currency \(type: .text) NOT NULL, total \(type: .bigint) NOT NULL CHECK (total >= 0),
      details \(type: .text) NOT NULL, payment_id \(type: .uuid) NOT NULL, next_action \(type: .text),
      cancellation_id \(type: .uuid), version \(type: .bigint) NOT NULL, placed_at \(type: .timestamptz) NOT NULL,
      updated_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX orders_user ON orders (user_id, id)",
    "CREATE INDEX orders_status ON orders (status, id)",
    "CREATE INDEX orders_payment ON orders (payment_id)",
    .table(
      "order_history",
      """
      order_id \(type: .uuid) NOT NULL, version \(type: .bigint) NOT NULL, status \(type: .text) NOT NULL,
      payment_status \(type: .text) NOT NULL, fulfillment_status \(type: .text) NOT NULL,
      reason \(type: .text) NOT NULL, note \(type: .text), at \(type: .timestamptz) NOT NULL,
      PRIMARY KEY (order_id, version)
      """),
  ]

  private static let carts: [SQL] = [
    .table(
      "carts",
      """
      id \(type: .uuid) PRIMARY KEY, user_id \(type: .uuid), status \(type: .text) NOT NULL,
      currency \(type: .text) NOT NULL, lines \(type: .text) NOT NULL, shipping_address \(type: .text),
      order_id \(type: .uuid), version \(type: .bigint) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      expires_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX carts_expires_at ON carts (expires_at)",
    "CREATE INDEX carts_user ON carts (user_id) WHERE user_id IS NOT NULL",
  ]
}
