import GravityData

/// The simulated provider's own books. They are in payment_db for want of another place, and are written in
/// transactions of their own, as if they were another company's: a process that dies leaves a charge of which the
/// service knows nothing yet.
enum SimulatorSchema {
  static let statements: [SQL] = [
    .table(
      "simulator_charges",
      """
      key \(type: .text) PRIMARY KEY, id \(type: .uuid) NOT NULL UNIQUE, payment_id \(type: .uuid) NOT NULL,
      payment_method \(type: .text) NOT NULL, amount \(type: .bigint) NOT NULL, currency \(type: .text) NOT NULL,
      captures_at_once \(type: .boolean) NOT NULL, status \(type: .text) NOT NULL,
      captured \(type: .bigint) NOT NULL, refunded \(type: .bigint) NOT NULL, decline_code \(type: .text),
      decline_message \(type: .text), succeeds_at \(type: .timestamptz), expires_at \(type: .timestamptz) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, CHECK (captured BETWEEN 0 AND amount),
      CHECK (refunded BETWEEN 0 AND captured)
      """),
    "CREATE INDEX simulator_charges_payment ON simulator_charges (payment_id, id)",
    .table(
      "simulator_operations",
      """
      key \(type: .text) PRIMARY KEY, operation \(type: .text) NOT NULL, charge_key \(type: .text) NOT NULL,
      amount \(type: .bigint) NOT NULL, result \(type: .text) NOT NULL, message \(type: .text),
      created_at \(type: .timestamptz) NOT NULL
      """),
  ]
}
