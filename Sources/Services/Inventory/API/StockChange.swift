public import Foundation
public import GravityContracts

/// Why somebody changes what is on hand.
public enum StockReason: String, Codable, Sendable, CaseIterable {
  /// Goods came in.
  case received
  /// A customer sent goods back, and they can be sold again.
  case returned
  case damaged
  case lost
  /// Somebody counted.
  case counted
  /// A mistake is put right.
  case correction
}

public struct StockAdjustment: Codable, Sendable {
  public var sku: String
  /// −1 000 000 000 to 1 000 000 000, not 0.
  public var delta: Int64
  public var reason: StockReason
  /// The location's code; `main` when left out.
  public var location: String?
  /// What it belongs to, such as a delivery note: 1 to 200 characters without control characters. No personal data.
  public var reference: String?

  public init(sku: String, delta: Int64, reason: StockReason, location: String? = nil, reference: String? = nil) {
    self.sku = sku
    self.delta = delta
    self.reason = reason
    self.location = location
    self.reference = reference
  }
}

public struct StockLevelChange: Codable, Sendable {
  public var sku: String
  /// The location's code.
  public var location: String
  /// 0 to 1 000 000 000 000.
  public var onHand: Int64
  /// What the caller believes to be on hand; 0 where there is none yet. Otherwise nothing changes.
  public var expected: Int64
  /// `counted` when left out.
  public var reason: StockReason?
  /// What is on its way, 0 to 1 000 000 000 000; stays when left out.
  public var incoming: Int64?

  public init(
    sku: String, location: String, onHand: Int64, expected: Int64, reason: StockReason? = nil, incoming: Int64? = nil
  ) {
    self.sku = sku
    self.location = location
    self.onHand = onHand
    self.expected = expected
    self.reason = reason
    self.incoming = incoming
  }

  enum CodingKeys: String, CodingKey {
    case sku, location, expected, reason, incoming
    case onHand = "on_hand"
  }
}

/// One change of a level. A level is the sum of its movements, in each of its quantities.
public struct StockMovement: Codable, Sendable, Hashable {
  public enum Reason: String, Codable, Sendable, CaseIterable {
    case received, returned, damaged, lost, counted, correction
    /// Of a reservation, which ``StockMovement/reference`` names.
    case reserved, released, expired, committed
    /// A committed reservation was taken back.
    case uncommitted
  }

  public var sku: String
  public var location: String
  /// 1, 2, 3, … for each SKU and location, without gaps.
  public var number: Int64
  public var reason: Open<Reason>
  /// What it did to `on_hand`.
  public var delta: Int64
  public var reservedDelta: Int64
  public var allocatedDelta: Int64
  /// The reservation's id, or what the caller said.
  public var reference: String?
  public var createdAt: Date

  public init(
    sku: String, location: String, number: Int64, reason: Reason, delta: Int64, reservedDelta: Int64,
    allocatedDelta: Int64, reference: String?, createdAt: Date
  ) {
    self.sku = sku
    self.location = location
    self.number = number
    self.reason = .known(reason)
    self.delta = delta
    self.reservedDelta = reservedDelta
    self.allocatedDelta = allocatedDelta
    self.reference = reference
    self.createdAt = createdAt
  }

  enum CodingKeys: String, CodingKey {
    case sku, location, number, reason, delta, reference
    case reservedDelta = "reserved_delta"
    case allocatedDelta = "allocated_delta"
    case createdAt = "created_at"
  }
}

public struct StockMovementQuery: Codable, Sendable {
  public var sku: String
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?

  public init(sku: String, limit: Int? = nil, cursor: Cursor? = nil) {
    self.sku = sku
    self.limit = limit
    self.cursor = cursor
  }
}
