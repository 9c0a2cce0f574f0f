import Crypto
import Foundation
import GravityContracts
import GravityIdentity

/// Proof that who exchanges a code is who asked for it (RFC 7636); S256 only.
package enum PKCE {
  /// 32 bytes in base64url.
  static func isChallenge(_ text: String) -> Bool {
    text.utf8.count == 43 && Data(base64URLEncoded: text)?.count == 32
  }

  /// 43 to 128 unreserved characters (§4.1).
  static func isVerifier(_ text: String) -> Bool {
    (43...128).contains(text.utf8.count) && FormEncoding.encoded(text) == text
  }

  package static func challenge(of verifier: String) -> String {
    Data(SHA256.hash(data: Data(verifier.utf8))).base64URLEncodedString()
  }

  static func matches(_ verifier: String?, _ challenge: String) -> Bool {
    guard let verifier, isVerifier(verifier) else { return false }
    return ConstantTime.areEqual(Self.challenge(of: verifier).utf8, challenge.utf8)
  }
}
