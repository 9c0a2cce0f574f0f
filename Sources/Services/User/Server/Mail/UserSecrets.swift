import Crypto
import Foundation
import GravityContracts
import GravityIdentity

/// The tokens in this service's mails. Each is computed from what it is for with a key that is derived from the master
/// key, so that a mail that is sent again says the same and the token is kept nowhere; what is kept is its digest.
struct UserSecrets: Sendable {
  enum Purpose: String, Sendable {
    case teamInvite = "team-invite"
    case exportLink = "export-link"
  }

  let masterKey: MasterKey

  /// 32 bytes, base64url.
  /// - Parameter generation: Another one gives another token.
  func token(_ purpose: Purpose, _ id: UUID, _ generation: Int64) -> String {
    let code = masterKey.authenticationCode(
      "user-mail-token/1/\(purpose.rawValue)", Data("\(id.lowercased)/\(generation)".utf8))
    return Data(code).base64URLEncodedString()
  }

  func hash(_ purpose: Purpose, _ id: UUID, _ generation: Int64) -> [UInt8] {
    Self.digest(token(purpose, id, generation))
  }

  /// What a token is found by; nil where it cannot be one.
  static func hash(token: String) -> [UInt8]? {
    guard token.utf8.count == 43, Data(base64URLEncoded: token)?.count == 32 else { return nil }
    return digest(token)
  }

  private static func digest(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Data(token.utf8))) }
}
