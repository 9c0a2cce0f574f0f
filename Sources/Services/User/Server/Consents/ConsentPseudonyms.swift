import Foundation
import GravityContracts
public import GravityIdentity

/// Under what name consents are kept: one that is computed from the user's id with a key, and leads nowhere without it.
///
/// Records are never changed, so what they carry has to be right after an erasure, too. Whoever has to prove later what
/// a person agreed to, computes it from the id that the person (or the certificate of their erasure) names.
public struct ConsentPseudonyms: Sendable {
  private let masterKey: MasterKey

  public init(_ masterKey: MasterKey) { self.masterKey = masterKey }

  /// 32 bytes, base64url.
  func pseudonym(of user: UUID) -> String {
    Data(masterKey.authenticationCode("consent-subject/1", Data(user.lowercased.utf8))).base64URLEncodedString()
  }
}
