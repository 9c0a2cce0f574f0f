public import Foundation
public import GravityContracts

extension AuthEvents {
  public static let passkeyAdded = EventType<PasskeyEvent>(
    "passkey.added.v1", summary: "Somebody can sign in to an account with another passkey from now on")
  public static let passkeyRemoved = EventType<PasskeyEvent>(
    "passkey.removed.v1", summary: "A passkey was taken from an account, by its owner or an administrator")
  /// WebAuthn Level 3 §6.1.1. The sign-in was refused.
  public static let passkeyCloneSuspected = EventType<PasskeyEvent>(
    "passkey.clone_suspected.v1", summary: "A passkey's counter went back: somebody may have copied it")
}

public struct PasskeyEvent: Codable, Sendable, Hashable {
  public var accountID: UUID
  public var passkeyID: UUID
  /// Who did it; nil of a token that belongs to no account, and where nobody in particular did.
  public var actorID: UUID?

  public init(accountID: UUID, passkeyID: UUID, actorID: UUID?) {
    self.accountID = accountID
    self.passkeyID = passkeyID
    self.actorID = actorID
  }

  enum CodingKeys: String, CodingKey {
    case accountID = "account_id"
    case passkeyID = "passkey_id"
    case actorID = "actor_id"
  }
}
