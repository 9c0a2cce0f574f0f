import Foundation
import GravityContracts
import GravityData
import PaymentAPI

struct ChargeRow: SQLRecord, Hashable {
  var key: String
  var id: UUID
  var paymentID: UUID
  var paymentMethod: String
  var amount: Int64
  var currency: Currency
  var capturesAtOnce: Bool
  var status: SimulatorChargeStatus
  var captured: Int64
  var refunded: Int64
  var refusal: ProviderRefusal?
  var succeedsAt: Date?
  var expiresAt: Date
  var createdAt: Date

  init(
    key: String, id: UUID, payment: UUID, method: String, amount: Money, capturesAtOnce: Bool,
    status: SimulatorChargeStatus, expiresAt: Date, at time: Date
  ) {
    self.key = key
    self.id = id
    paymentID = payment
    paymentMethod = method
    self.amount = amount.amount
    currency = amount.currency
    self.capturesAtOnce = capturesAtOnce
    self.status = status
    (captured, refunded) = (0, 0)
    self.expiresAt = expiresAt
    createdAt = time
  }

  init(_ row: SQLRow) throws {
    key = try row.get("key")
    id = try row.get("id")
    paymentID = try row.get("payment_id")
    paymentMethod = try row.get("payment_method")
    amount = try row.get("amount")
    currency = try row.currency()
    capturesAtOnce = try row.get("captures_at_once")
    status = try row.get("status")
    captured = try row.get("captured")
    refunded = try row.get("refunded")
    if let code: String = try row.get("decline_code") {
      refusal = ProviderRefusal(code: code, message: try row.get("decline_message"))
    }
    succeedsAt = try row.get("succeeds_at")
    expiresAt = try row.get("expires_at")
    createdAt = try row.get("created_at")
  }

  var reference: String { "ch_\(id.lowercased)" }

  /// It succeeds.
  mutating func approve() {
    (status, succeedsAt) = (.authorized, nil)
    if capturesAtOnce { captured = amount }
  }

  /// As it is at `time`: what was to succeed later may have.
  func settled(at time: Date) -> ChargeRow {
    guard status == .pending, let succeedsAt, succeedsAt <= time else { return self }
    var charge = self
    charge.approve()
    return charge
  }

  var answer: ProviderAnswer {
    switch status {
    case .pending: .pending
    case .requiresAction:
      .actionRequired(
        ProviderAction(type: "simulated_challenge", url: "/api/v1/payments/\(paymentID.lowercased)/next-action"))
    case .authorized where capturesAtOnce: .captured(reference: reference)
    case .authorized: .authorized(reference: reference, expiresAt: expiresAt)
    case .declined: .declined(refusal ?? ProviderRefusal(code: "generic_decline", message: "The card was declined."))
    case .voided, .barred: .voided
    }
  }

  var statement: SimulatorCharge {
    SimulatorCharge(
      reference: reference, key: key, paymentID: paymentID, paymentMethod: paymentMethod, status: status,
      amount: Money(amount, currency)!, amountCaptured: Money(captured, currency)!,
      amountRefunded: Money(refunded, currency)!, createdAt: createdAt)
  }
}

/// What was done with a charge, or refused, under a key.
struct OperationRow: SQLRecord {
  var key: String
  var operation: String
  var chargeKey: String
  var amount: Int64
  /// `captured`, `voided`, `refunded`, or the code of a refusal.
  var result: String
  var message: String?

  init(key: String, operation: String, chargeKey: String, amount: Int64, _ answer: ProviderAnswer) {
    self.key = key
    self.operation = operation
    self.chargeKey = chargeKey
    self.amount = amount
    switch answer {
    case .captured: result = "captured"
    case .voided: result = "voided"
    case .refunded: result = "refunded"
    case .failed(let refusal), .declined(let refusal): (result, message) = (refusal.code, refusal.message)
    case .pending, .notFound, .actionRequired, .authorized: result = "processing_error"
    }
  }

  init(_ row: SQLRow) throws {
    key = try row.get("key")
    operation = try row.get("operation")
    chargeKey = try row.get("charge_key")
    amount = try row.get("amount")
    result = try row.get("result")
    message = try row.get("message")
  }

  var answer: ProviderAnswer {
    switch result {
    case "captured": .captured(reference: "cp_\(key)")
    case "voided": .voided
    case "refunded": .refunded(reference: "re_\(key)")
    default: .failed(ProviderRefusal(code: result, message: message ?? ""))
    }
  }
}

/// The tables of the simulated provider.
struct SimulatorBooks {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    key, id, payment_id, payment_method, amount, currency, captures_at_once, status, captured, refunded, decline_code,
    decline_message, succeeds_at, expires_at, created_at
    """

  func charge(_ key: String) throws -> ChargeRow? {
    try transaction.first("SELECT \(Self.columns) FROM simulator_charges WHERE key = \(key)")
  }

  /// By age.
  func charges(after: UUID?, payment: UUID?, limit: Int) throws -> [ChargeRow] {
    var filter: SQL = "WHERE TRUE"
    if let after { filter = filter + " AND id > \(after)" }
    if let payment { filter = filter + " AND payment_id = \(payment)" }
    return try transaction.all("SELECT \(Self.columns) FROM simulator_charges \(filter) ORDER BY id LIMIT \(limit)")
  }

  /// - Returns: false when there is one of that key.
  @discardableResult
  func insertIfAbsent(_ row: ChargeRow) throws -> Bool {
    try transaction.execute(
      """
      INSERT INTO simulator_charges (\(Self.columns))
      VALUES (\(row.key), \(row.id), \(row.paymentID), \(row.paymentMethod), \(row.amount), \(row.currency.code),
        \(row.capturesAtOnce), \(row.status), \(row.captured), \(row.refunded), \(row.refusal?.code),
        \(row.refusal?.message), \(row.succeedsAt), \(row.expiresAt), \(row.createdAt))
      ON CONFLICT (key) DO NOTHING
      """) == 1
  }

  func update(_ row: ChargeRow) throws {
    try transaction.execute(
      """
      UPDATE simulator_charges SET status = \(row.status), captured = \(row.captured), refunded = \(row.refunded),
        decline_code = \(row.refusal?.code), decline_message = \(row.refusal?.message),
        succeeds_at = \(row.succeedsAt)
      WHERE key = \(row.key)
      """)
  }

  func operation(_ key: String) throws -> OperationRow? {
    try transaction.first(
      """
      SELECT key, operation, charge_key, amount, result, message FROM simulator_operations WHERE key = \(key)
      """)
  }

  func insert(_ row: OperationRow, at time: Date) throws {
    try transaction.execute(
      """
      INSERT INTO simulator_operations (key, operation, charge_key, amount, result, message, created_at)
      VALUES (\(row.key), \(row.operation), \(row.chargeKey), \(row.amount), \(row.result), \(row.message), \(time))
      """)
  }
}
