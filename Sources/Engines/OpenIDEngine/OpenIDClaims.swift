import Foundation
import JWTKit

/// What tokens of different providers say, each in its own way.
struct OpenIDClaims: JWTPayload {
  var issuer: String?
  var subject: String
  var audience: [String]
  var issuedAt: Date?
  var notBefore: Date?
  var expiresAt: Date
  var tokenID: String?
  var sessionID: String?
  var roles: [String]
  var permissions: [String]

  private enum Name: String, CodingKey {
    case iss, sub, aud, iat, nbf, exp, jti, sid, scope, scp, permissions, roles, groups, realm_access
  }

  private struct RealmAccess: Decodable { var roles: [String]? }

  init(from decoder: any Decoder) throws {
    let claims = try decoder.container(keyedBy: Name.self)
    // A NumericDate may have a fraction (RFC 7519 §2).
    func time(_ name: Name) throws -> Date? {
      guard let seconds = try claims.decodeIfPresent(Double.self, forKey: name) else { return nil }
      guard abs(seconds) < 1e11 else {
        throw DecodingError.dataCorruptedError(forKey: name, in: claims, debugDescription: "no time")
      }
      return Date(timeIntervalSince1970: seconds)
    }
    func words(_ name: Name) throws -> [String]? {
      guard claims.contains(name) else { return nil }
      if let list = try? claims.decode([String].self, forKey: name) { return list }
      return try claims.decode(String.self, forKey: name).split(separator: " ").map(String.init)
    }
    issuer = try claims.decodeIfPresent(String.self, forKey: .iss)
    subject = try claims.decode(String.self, forKey: .sub)
    // One audience may stand without the array (RFC 7519 §4.1.3).
    audience =
      claims.contains(.aud)
      ? try (try? claims.decode(String.self, forKey: .aud)).map { [$0] } ?? claims.decode([String].self, forKey: .aud)
      : []
    issuedAt = try time(.iat)
    notBefore = try time(.nbf)
    guard let end = try time(.exp) else {
      throw DecodingError.keyNotFound(Name.exp, .init(codingPath: [], debugDescription: "a token that never ends"))
    }
    expiresAt = end
    tokenID = try claims.decodeIfPresent(String.self, forKey: .jti)
    sessionID = try claims.decodeIfPresent(String.self, forKey: .sid)
    permissions = try words(.permissions) ?? words(.scope) ?? words(.scp) ?? []
    roles =
      try words(.roles) ?? words(.groups) ?? claims.decodeIfPresent(RealmAccess.self, forKey: .realm_access)?.roles
      ?? []
  }

  func encode(to encoder: any Encoder) throws {
    throw EncodingError.invalidValue(self, .init(codingPath: [], debugDescription: "tokens of others are only read"))
  }

  func verify(using algorithm: some JWTAlgorithm) async throws {}
}
