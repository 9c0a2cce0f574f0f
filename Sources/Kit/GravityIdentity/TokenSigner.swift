public import Crypto
import Foundation
import GravityContracts
import JWTKit

/// Signs access tokens: ES256 (RFC 7518 §3.4), header `typ` `at+jwt` (RFC 9068 §2.1) and the key's `kid`.
public struct TokenSigner: Sendable {
  public let keyID: String
  public let publicKey: JSONWebKey
  private let keys: JWTKeyCollection

  /// - Parameter keyID: The RFC 7638 thumbprint unless it is given.
  public init(_ key: P256.Signing.PrivateKey, keyID: String? = nil) async throws {
    publicKey = JSONWebKey(key.publicKey, keyID: keyID)
    self.keyID = publicKey.keyID
    keys = JWTKeyCollection()
    await keys.add(ecdsa: try ES256PrivateKey(backing: key), kid: JWKIdentifier(string: publicKey.keyID))
  }

  public func sign(_ claims: TokenClaims) async throws -> String {
    var header = JWTHeader()
    header.typ = CompactToken.type
    header.kid = keyID
    return try await keys.sign(SignedClaims(claims), kid: JWKIdentifier(string: keyID), header: header)
  }
}

extension TokenSigner {
  /// Signs what is no access token, such as an ID token (OpenID Connect Core §2): its `typ` is another, so that none is
  /// taken for one.
  public func sign(_ claims: some Codable & Sendable, type: String) async throws -> String {
    precondition(type != CompactToken.type, "an access token has claims of its own")
    var header = JWTHeader()
    header.typ = type
    header.kid = keyID
    return try await keys.sign(OtherClaims(claims: claims), kid: JWKIdentifier(string: keyID), header: header)
  }
}

private struct OtherClaims<Claims: Codable & Sendable>: JWTPayload {
  let claims: Claims
  init(claims: Claims) { self.claims = claims }
  init(from decoder: any Decoder) throws { claims = try Claims(from: decoder) }
  func encode(to encoder: any Encoder) throws { try claims.encode(to: encoder) }
  func verify(using algorithm: some JWTAlgorithm) async throws {}
}

/// The claims in the shape that JWTKit wants; what they must say is checked by ``JWTVerifier``.
struct SignedClaims: JWTPayload {
  let claims: TokenClaims
  init(_ claims: TokenClaims) { self.claims = claims }
  init(from decoder: any Decoder) throws { claims = try TokenClaims(from: decoder) }
  func encode(to encoder: any Encoder) throws { try claims.encode(to: encoder) }
  func verify(using algorithm: some JWTAlgorithm) async throws {}
}
