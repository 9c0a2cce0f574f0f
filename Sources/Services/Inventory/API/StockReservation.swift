public import Foundation
public import GravityContracts

/// Stock that is held for an order, or was.
///
/// `active` → `committed`, `released` or `expired`; `active` or `committed` → `returned`. Its id is never used again.
public struct StockReservation: Codable, Sendable, Hashable {
  public enum State: String, Codable, Sendable, CaseIterable {
    /// Held until ``expiresAt``.
    case active
    /// Sold, not yet shipped.
    case committed
    /// Freed, or refused before it came.
    case released
    /// Not committed in time. Exact when read: it does not wait for the sweeper.
    case expired
    /// Taken back.
    case returned
  }

  public var id: UUID
  public var state: Open<State>
  /// One for each SKU, by SKU. None where the id was used up before the reservation came.
  public var lines: [StockReservationLine]
  /// When it ends unless it is committed, by the database's clock.
  public var expiresAt: Date
  public var createdAt: Date
  /// When it was committed, released, expired or returned.
  public var closedAt: Date?
  /// Counts up with every change.
  public var version: Int64

  public init(
    id: UUID, state: State, lines: [StockReservationLine], expiresAt: Date, createdAt: Date, closedAt: Date? = nil,
    version: Int64
  ) {
    self.id = id
    self.state = .known(state)
    self.lines = lines
    self.expiresAt = expiresAt
    self.createdAt = createdAt
    self.closedAt = closedAt
    self.version = version
  }

  enum CodingKeys: String, CodingKey {
    case id, state, lines, version
    case expiresAt = "expires_at"
    case createdAt = "created_at"
    case closedAt = "closed_at"
  }
}

/// How much of a SKU, and where it is taken from.
public struct StockReservationLine: Codable, Sendable, Hashable {
  public var sku: String
  /// The sum of ``sources``.
  public var quantity: Int64
  public var sources: [Source]

  public struct Source: Codable, Sendable, Hashable {
    /// The location's code.
    public var location: String
    public var quantity: Int64

    public init(location: String, quantity: Int64) {
      self.location = location
      self.quantity = quantity
    }
  }

  public init(sku: String, quantity: Int64, sources: [Source]) {
    self.sku = sku
    self.quantity = quantity
    self.sources = sources
  }
}

public struct NewStockReservation: Codable, Sendable {
  /// Chosen by the caller, who may then ask again without reserving twice.
  public var id: UUID?
  /// 1 to 100. Lines of the same SKU are added up.
  public var lines: [Line]
  /// 1 to 604 800. Asked again, the first one counts.
  public var ttlSeconds: Int

  public struct Line: Codable, Sendable, Hashable {
    public var sku: String
    /// 1 to 1 000 000.
    public var quantity: Int64

    public init(sku: String, quantity: Int64) {
      self.sku = sku
      self.quantity = quantity
    }
  }

  public init(id: UUID? = nil, lines: [Line], ttlSeconds: Int) {
    self.id = id
    self.lines = lines
    self.ttlSeconds = ttlSeconds
  }

  enum CodingKeys: String, CodingKey {
    case id, lines
    case ttlSeconds = "ttl_seconds"
  }
}

public struct StockReservationID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

public struct StockReservationExtension: Codable, Sendable {
  public var id: UUID
  /// 1 to 604 800, from now on.
  public var ttlSeconds: Int

  public init(id: UUID, ttlSeconds: Int) {
    self.id = id
    self.ttlSeconds = ttlSeconds
  }

  enum CodingKeys: String, CodingKey {
    case id
    case ttlSeconds = "ttl_seconds"
  }
}

public struct StockReservationQuery: Codable, Sendable {
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?
  public var state: StockReservation.State?

  public init(limit: Int? = nil, cursor: Cursor? = nil, state: StockReservation.State? = nil) {
    self.limit = limit
    self.cursor = cursor
    self.state = state
  }
}

/// An entry of `insufficient_stock`'s `shortages`.
public struct StockShortage: Codable, Sendable, Hashable {
  public var sku: String
  /// Summed over the lines.
  public var requested: Int64
  /// 0 where there is no such item.
  public var available: Int64

  public init(sku: String, requested: Int64, available: Int64) {
    self.sku = sku
    self.requested = requested
    self.available = available
  }
}

extension Problem {
  /// What is short, when this is `insufficient_stock`.
  public var shortages: [StockShortage] {
    guard case .array(let items)? = extensions["shortages"] else { return [] }
    return items.compactMap { item in
      guard case .object(let members) = item, case .string(let sku)? = members["sku"],
        case .integer(let requested)? = members["requested"], case .integer(let available)? = members["available"]
      else { return nil }
      return StockShortage(sku: sku, requested: requested, available: available)
    }
  }
}
