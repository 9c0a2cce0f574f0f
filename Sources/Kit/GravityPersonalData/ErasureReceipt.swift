public import Foundation
public import GravityContracts

/// What a service tells when it was asked to erase a person: what went, what stays and why it may, what has to wait.
///
/// It names kinds of rows and counts them, and holds nothing of the person but the id.
public struct ErasureReceipt: Codable, Sendable, Hashable {
  public var userID: UUID
  /// The service that says so, as others find it.
  public var service: String
  /// Rows that were deleted or had everything taken out that told who it was, by kind. Counts all requests together.
  public var erased: [String: Int64]
  /// Rows that stay, without what told who it was, by kind; the service's documentation says on what ground.
  public var kept: [String: Int64]
  /// What cannot go yet, by kind, such as orders that are under way. The service is asked again until there is none.
  public var waiting: [String: Int64]
  public var at: Date

  public init(
    userID: UUID, service: String, erased: [String: Int64], kept: [String: Int64], waiting: [String: Int64], at: Date
  ) {
    self.userID = userID
    self.service = service
    self.erased = erased
    self.kept = kept
    self.waiting = waiting
    self.at = at
  }

  /// Whether nothing has to wait.
  public var isComplete: Bool { waiting.values.allSatisfy { $0 == 0 } }

  enum CodingKeys: String, CodingKey {
    case service, erased, kept, waiting, at
    case userID = "user_id"
  }
}

/// What services that hold personal data tell.
public enum PersonalDataEvents {
  /// Told by each of them, so it is declared here and not in one service's API.
  public static let erasureAcknowledged = EventType<ErasureReceipt>(
    "erasure.acknowledged.v1", summary: "A service did what it could to erase a person, and says what that was")
}

/// Rows by kind: what an erasure did, or would do.
public struct PersonalDataCounts: Codable, Sendable, Hashable {
  public var erased: [String: Int64]
  public var kept: [String: Int64]
  public var waiting: [String: Int64]

  public init(erased: [String: Int64] = [:], kept: [String: Int64] = [:], waiting: [String: Int64] = [:]) {
    self.erased = erased
    self.kept = kept
    self.waiting = waiting
  }
}
