public import Foundation
public import GravityContracts

/// A charge in the books of the simulated provider, which are not the service's own.
public struct SimulatorCharge: Codable, Sendable, Hashable {
  public var reference: String
  /// The key under which it was asked for.
  public var key: String
  public var paymentID: UUID
  public var paymentMethod: String
  public var status: Open<SimulatorChargeStatus>
  public var amount: Money
  public var amountCaptured: Money
  public var amountRefunded: Money
  public var createdAt: Date

  public init(
    reference: String, key: String, paymentID: UUID, paymentMethod: String, status: SimulatorChargeStatus,
    amount: Money, amountCaptured: Money, amountRefunded: Money, createdAt: Date
  ) {
    self.reference = reference
    self.key = key
    self.paymentID = paymentID
    self.paymentMethod = paymentMethod
    self.status = .known(status)
    self.amount = amount
    self.amountCaptured = amountCaptured
    self.amountRefunded = amountRefunded
    self.createdAt = createdAt
  }

  enum CodingKeys: String, CodingKey {
    case reference, key, status, amount
    case paymentID = "payment_id"
    case paymentMethod = "payment_method"
    case amountCaptured = "amount_captured"
    case amountRefunded = "amount_refunded"
    case createdAt = "created_at"
  }
}

public enum SimulatorChargeStatus: String, Codable, Sendable, Hashable, CaseIterable {
  /// It will succeed later.
  case pending
  case requiresAction = "requires_action"
  /// The money is held, as far as it is not captured.
  case authorized
  case declined
  /// What was not captured is held no more.
  case voided
  /// It was voided before it was asked for, and can never be made.
  case barred
}
