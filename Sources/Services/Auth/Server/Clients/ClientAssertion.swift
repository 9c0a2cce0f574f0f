import AuthAPI
import Crypto
import Foundation
import GravityContracts
import GravityIdentity
import JWTKit

/// A JWT by which a client proves that it has its private key (RFC 7523 §2.2, §3).
struct ClientAssertion: Sendable {
  static let type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
  static let greatestLength = 8192
  /// Seconds from now that an assertion may live: for so long its id is remembered.
  static let longestLifetime: TimeInterval = 600

  private let text: String
  private let header: Header
  private let claims: Claims
  /// Whose it says to be.
  let clientID: UUID

  private struct Header: Decodable {
    var alg: String
    var kid: String?
    var crit: [String]?
  }

  private struct Claims: JWTPayload {
    var iss: String
    var sub: String
    var aud: [String]
    var exp: Double
    var iat: Double?
    var nbf: Double?
    var jti: String

    enum CodingKeys: String, CodingKey { case iss, sub, aud, exp, iat, nbf, jti }
    init(from decoder: any Decoder) throws {
      let claims = try decoder.container(keyedBy: CodingKeys.self)
      iss = try claims.decode(String.self, forKey: .iss)
      sub = try claims.decode(String.self, forKey: .sub)
      aud =
        try (try? claims.decode(String.self, forKey: .aud)).map { [$0] } ?? claims.decode([String].self, forKey: .aud)
      exp = try claims.decode(Double.self, forKey: .exp)
      iat = try claims.decodeIfPresent(Double.self, forKey: .iat)
      nbf = try claims.decodeIfPresent(Double.self, forKey: .nbf)
      jti = try claims.decode(String.self, forKey: .jti)
    }
    func verify(using algorithm: some JWTAlgorithm) async throws {}
  }

  /// nil when its form is wrong; nothing is believed yet.
  init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard text.utf8.count <= Self.greatestLength, parts.count == 3,
      let head = Data(base64URLEncoded: parts[0]), let body = Data(base64URLEncoded: parts[1]),
      let header = try? JSONDecoder().decode(Header.self, from: head), header.crit == nil,
      ["ES256", "RS256"].contains(header.alg), let claims = try? JSONDecoder().decode(Claims.self, from: body),
      claims.iss == claims.sub, let id = UUID(uuidString: claims.sub), (1...255).contains(claims.jti.utf8.count)
    else { return nil }
    self.text = text
    self.header = header
    self.claims = claims
    clientID = id
  }

  /// Whether one of the client's keys signed it, for one of `audiences`, and it is valid now.
  func isGood(keys: ClientKeySet?, audiences: Set<String>, now: Date) async -> Bool {
    let (time, leeway) = (now.timeIntervalSince1970, JWTVerifier.leeway)
    guard claims.exp > time - leeway, claims.exp <= time + Self.longestLifetime + leeway,
      claims.iat ?? time <= time + leeway, claims.nbf ?? time <= time + leeway,
      claims.aud.contains(where: audiences.contains)
    else { return false }
    for key in keys?.keys ?? [] where header.kid == nil || key.kid == nil || key.kid == header.kid {
      guard let key = AssertionKey(key), key.algorithm == header.alg else { continue }
      let kid = header.kid.map { JWKIdentifier(string: $0) }
      let collection = JWTKeyCollection()
      switch key {
      case .ecdsa(let key): await collection.add(ecdsa: key, kid: kid)
      case .rsa(let key): await collection.add(rsa: key, digestAlgorithm: .sha256, kid: kid)
      }
      if (try? await collection.verify(text, as: Claims.self)) != nil { return true }
    }
    return false
  }

  /// What is remembered of it, and until when.
  var use: (id: [UInt8], expiresAt: Date) {
    (
      Array(SHA256.hash(data: Data(claims.jti.utf8))),
      Date(timeIntervalSince1970: claims.exp + 2 * JWTVerifier.leeway).roundedToMicroseconds
    )
  }
}
