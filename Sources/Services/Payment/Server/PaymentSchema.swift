public import GravityData
import GravityEvents
import GravityTasks

/// The tables of payment_db.
public enum PaymentSchema {
  public static let migrations: [Migration] = [
    Migration(1, "idempotency", Idempotency.migrationStatements),
    Migration(2, "payments, attempts and refunds", payments + attempts + refunds),
    Migration(3, "ledger", LedgerSchema.statements),
    Migration(4, "events", Outbox.migrationStatements),
    Migration(5, "tasks", TaskQueue.migrationStatements + Lease.migrationStatements),
    Migration(6, "simulator", SimulatorSchema.statements),
    Migration(7, "events of others, and who is erased", personalData),
  ]

  private static let payments: [SQL] = [
    .table(
      "payments",
      """
      id \(type: .uuid) PRIMARY KEY, order_id \(type: .uuid), customer_id \(type: .uuid),
      amount \(type: .bigint) NOT NULL CHECK (amount > 0), currency \(type: .text) NOT NULL,
      capture_method \(type: .text) NOT NULL, payment_method \(type: .text), provider \(type: .text) NOT NULL,
      stage \(type: .text) NOT NULL, attempt_id \(type: .uuid), attempts \(type: .bigint) NOT NULL,
      authorization_key \(type: .text), provider_reference \(type: .text), hold_id \(type: .uuid),
      authorized \(type: .bigint) NOT NULL CHECK (authorized BETWEEN 0 AND amount),
      captured \(type: .bigint) NOT NULL CHECK (captured >= 0),
      released \(type: .bigint) NOT NULL CHECK (released >= 0),
      refunded \(type: .bigint) NOT NULL CHECK (refunded >= 0),
      refunding \(type: .bigint) NOT NULL CHECK (refunding >= 0),
      expires_at \(type: .timestamptz), cancel_requested \(type: .boolean) NOT NULL,
      cancellation_reason \(type: .text), action_type \(type: .text), action_url \(type: .text),
      error_code \(type: .text), decline_code \(type: .text), error_message \(type: .text),
      metadata \(type: .jsonb) NOT NULL, fingerprint \(type: .bytea) NOT NULL, version \(type: .bigint) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, updated_at \(type: .timestamptz) NOT NULL,
      CHECK (captured + released <= authorized), CHECK (refunded + refunding <= captured)
      """),
    "CREATE INDEX payments_order ON payments (order_id, id) WHERE order_id IS NOT NULL",
    "CREATE INDEX payments_customer ON payments (customer_id, id) WHERE customer_id IS NOT NULL",
    """
    CREATE INDEX payments_expires_at ON payments (expires_at)
    WHERE expires_at IS NOT NULL AND stage IN ('authorized', 'partly_captured')
    """,
    // Ids that were canceled before their payment came.
    .table("payment_tombstones", "id \(type: .uuid) PRIMARY KEY, created_at \(type: .timestamptz) NOT NULL"),
  ]

  private static let attempts: [SQL] = [
    .table(
      "payment_attempts",
      """
      id \(type: .uuid) PRIMARY KEY, payment_id \(type: .uuid) NOT NULL, number \(type: .bigint) NOT NULL,
      operation \(type: .text) NOT NULL, amount \(type: .bigint) NOT NULL CHECK (amount > 0),
      currency \(type: .text) NOT NULL, provider \(type: .text) NOT NULL, provider_key \(type: .text) NOT NULL UNIQUE,
      payment_method \(type: .text), refund_id \(type: .uuid), final_capture \(type: .boolean) NOT NULL,
      state \(type: .text) NOT NULL, provider_reference \(type: .text), failure_code \(type: .text),
      failure_message \(type: .text), failures \(type: .bigint) NOT NULL, due_at \(type: .timestamptz) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, finished_at \(type: .timestamptz), UNIQUE (payment_id, number)
      """),
    "CREATE INDEX payment_attempts_due ON payment_attempts (due_at) WHERE state IN ('sent', 'unknown')",
  ]

  private static let refunds: [SQL] = [
    .table(
      "refunds",
      """
      id \(type: .uuid) PRIMARY KEY, payment_id \(type: .uuid) NOT NULL,
      amount \(type: .bigint) NOT NULL CHECK (amount > 0), currency \(type: .text) NOT NULL, status \(type: .text) NOT NULL,
      reason \(type: .text), failure_code \(type: .text), hold_id \(type: .uuid) NOT NULL,
      fingerprint \(type: .bytea) NOT NULL, version \(type: .bigint) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, updated_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX refunds_payment ON refunds (payment_id, id)",
  ]
}
