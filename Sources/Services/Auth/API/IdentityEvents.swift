public import Foundation
public import GravityContracts

extension AuthEvents {
  public static let identityLinked = EventType<IdentityEvent>(
    "identity.linked.v1", summary: "Somebody can sign in to an account with another provider from now on")
  public static let identityUnlinked = EventType<IdentityEvent>(
    "identity.unlinked.v1", summary: "Somebody cannot sign in to an account with that provider any more")
}

/// Which person it is at the provider is told to nobody.
public struct IdentityEvent: Codable, Sendable, Hashable {
  public var accountID: UUID
  /// The provider's.
  public var issuer: String

  public init(accountID: UUID, issuer: String) {
    self.accountID = accountID
    self.issuer = issuer
  }

  enum CodingKeys: String, CodingKey {
    case issuer
    case accountID = "account_id"
  }
}
