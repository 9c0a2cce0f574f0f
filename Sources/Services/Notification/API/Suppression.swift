public import Foundation
import GravityContracts

/// An address or a phone number to which nothing is sent any more.
public struct Suppression: Codable, Sendable, Hashable {
  /// In small letters.
  public var address: String
  /// `hard_bounce`: its server said that there is no such mailbox. `complaint`, `request`: somebody said so.
  public var reason: String
  /// The delivery that bounced.
  public var deliveryID: UUID?
  public var createdAt: Date

  public init(address: String, reason: String, deliveryID: UUID?, createdAt: Date) {
    self.address = address
    self.reason = reason
    self.deliveryID = deliveryID
    self.createdAt = createdAt
  }

  enum CodingKeys: String, CodingKey {
    case address, reason
    case deliveryID = "delivery_id"
    case createdAt = "created_at"
  }
}

public struct NewSuppression: Codable, Sendable {
  /// Why somebody adds one by hand.
  public enum Reason: String, Codable, Sendable, CaseIterable { case complaint, request }

  /// An e-mail address of at most 254 bytes, or a phone number in E.164.
  public var address: String
  public var reason: Reason

  public init(address: String, reason: Reason) {
    self.address = address
    self.reason = reason
  }
}

public struct SuppressedAddress: Codable, Sendable {
  public var address: String
  public init(address: String) { self.address = address }
}
