import Crypto
import Foundation
import GravityContracts

/// Who signed in, told to one client (OpenID Connect Core §2). No personal data: that is at `/oauth/userinfo`.
struct IDToken: Codable, Sendable {
  var iss: String
  var sub: String
  var aud: String
  var exp: Int64
  var iat: Int64
  var authTime: Int64?
  var nonce: String?
  var acr: String
  var amr: [String]
  var sid: String
  var atHash: String

  init(
    issuer: String, client: UUID, session: SessionRow, nonce: String?, accessToken: String, issuedAt: Date,
    lifetime: TimeInterval
  ) {
    iss = issuer
    sub = session.accountID.lowercased
    aud = client.lowercased
    iat = Int64(issuedAt.timeIntervalSince1970)
    exp = Int64((issuedAt + lifetime).timeIntervalSince1970)
    authTime = session.toldAuthentication.map { Int64($0.timeIntervalSince1970) }
    self.nonce = nonce
    acr = UserAuthentication.assurance(of: session.methods)
    amr = session.methods
    sid = session.id.lowercased
    atHash = Self.half(accessToken)
  }

  /// The left half of its SHA-256 (§3.1.3.6).
  static func half(_ text: String) -> String {
    Data(SHA256.hash(data: Data(text.utf8)).prefix(16)).base64URLEncodedString()
  }

  enum CodingKeys: String, CodingKey {
    case iss, sub, aud, exp, iat, nonce, acr, amr, sid
    case authTime = "auth_time"
    case atHash = "at_hash"
  }
}
