public import Foundation
public import GravityContracts

extension AuthEvents {
  public static let secondFactorEnrolled = EventType<SecondFactorEvent>(
    "mfa.enrolled.v1", summary: "An account's logins need a second factor from now on")
  public static let secondFactorRemoved = EventType<SecondFactorEvent>(
    "mfa.removed.v1",
    summary:
      "An account's second factor was taken away: by its owner, an administrator, or who first proved its address")
}

public struct SecondFactorEvent: Codable, Sendable, Hashable {
  public var accountID: UUID
  /// Who did it; nil of a token that belongs to no account, and where an address was proved for the first time.
  public var actorID: UUID?

  public init(accountID: UUID, actorID: UUID?) {
    self.accountID = accountID
    self.actorID = actorID
  }

  enum CodingKeys: String, CodingKey {
    case accountID = "account_id"
    case actorID = "actor_id"
  }
}
