public import Foundation
public import GravityContracts

/// A place where stock is: a warehouse, a shop.
public struct StockLocation: Codable, Sendable, Hashable, EntityTagged {
  /// The one that is there from the start, and meant where none is named.
  public static let main = "main"

  public var code: String
  public var name: String
  /// Reservations take from the smallest number first.
  public var priority: Int64
  /// Counts up with every change; the ETag is made of it.
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date

  public init(code: String, name: String, priority: Int64, version: Int64, createdAt: Date, updatedAt: Date) {
    self.code = code
    self.name = name
    self.priority = priority
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case code, name, priority, version
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

public struct StockLocationCode: Codable, Sendable {
  public var code: String
  public init(code: String) { self.code = code }
}

public struct NewStockLocation: Codable, Sendable {
  /// 1 to 40 of `a–z 0–9 - _`, beginning with a letter or digit.
  public var code: String
  /// 1 to 200 characters without control characters.
  public var name: String
  /// 0 to 1 000 000; 100 when left out. `main` begins with 0.
  public var priority: Int64?

  public init(code: String, name: String, priority: Int64? = nil) {
    self.code = code
    self.name = name
    self.priority = priority
  }
}

/// What is left out stays.
public struct StockLocationUpdate: Codable, Sendable {
  public var code: String
  public var name: String?
  public var priority: Int64?

  public init(code: String, name: String? = nil, priority: Int64? = nil) {
    self.code = code
    self.name = name
    self.priority = priority
  }
}
