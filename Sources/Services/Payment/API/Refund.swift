public import Foundation
public import GravityContracts

/// Money that goes back to who paid it.
public struct Refund: Codable, Sendable, Hashable, EntityTagged {
  public var id: UUID
  public var paymentID: UUID
  public var amount: Money
  public var status: Open<RefundStatus>
  public var reason: String?
  /// Why it failed.
  public var failureCode: String?
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date

  public init(
    id: UUID, paymentID: UUID, amount: Money, status: RefundStatus, reason: String?, failureCode: String?,
    version: Int64, createdAt: Date, updatedAt: Date
  ) {
    self.id = id
    self.paymentID = paymentID
    self.amount = amount
    self.status = .known(status)
    self.reason = reason
    self.failureCode = failureCode
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case id, amount, status, reason, version
    case paymentID = "payment_id"
    case failureCode = "failure_code"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

public enum RefundStatus: String, Codable, Sendable, Hashable, CaseIterable {
  /// The provider was asked; its amount cannot be refunded a second time meanwhile.
  case pending
  case succeeded, failed
}

public struct NewRefund: Codable, Sendable {
  public var paymentID: UUID
  /// A UUIDv7 of the caller's own for the refund, under which a repeat is known; made here when it is left out.
  public var id: UUID?
  /// All that was captured and not refunded, when it is left out.
  public var amount: Money?
  /// 1 to 200 characters, for people.
  public var reason: String?

  public init(paymentID: UUID, id: UUID? = nil, amount: Money? = nil, reason: String? = nil) {
    self.paymentID = paymentID
    self.id = id
    self.amount = amount
    self.reason = reason
  }

  enum CodingKeys: String, CodingKey {
    case id, amount, reason
    case paymentID = "payment_id"
  }
}

public struct RefundID: Codable, Sendable {
  public var paymentID: UUID
  public var id: UUID

  public init(paymentID: UUID, id: UUID) {
    self.paymentID = paymentID
    self.id = id
  }

  enum CodingKeys: String, CodingKey {
    case paymentID = "payment_id"
    case id = "refund_id"
  }
}

/// Bounded by ``greatestCount``, so it is one page.
public struct RefundList: Codable, Sendable, Hashable {
  /// How many refunds a payment has at most.
  public static let greatestCount = 1_000
  public var items: [Refund]
  public init(items: [Refund]) { self.items = items }
}
