public import Foundation
import GravityContracts
public import GravityIdentity

/// Verifies access tokens of an OpenID provider that is somebody else's: Keycloak, Hydra, Auth0, Entra, …
///
/// Taken are signed JWTs (RFC 7519) of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA with Ed25519,
/// whose `typ` is missing, `JWT` or `at+jwt`. The key decides about the algorithm; RSA keys have 2 048 bits at least.
/// `exp` and `sub` have to be there; `iss` and `aud` have to be as configured, where they are.
///
/// What a subject may do is told by `permissions` (a list) where there is one, else by `scope` or `scp` (words); what it
/// is by `roles`, `groups` or Keycloak's `realm_access.roles`.
public struct OpenIDVerifier: TokenVerifier {
  private let keys: OpenIDKeys
  private let issuer: String?
  private let audience: String?
  private let now: @Sendable () -> Date
  /// Seconds by which two machines' clocks may differ.
  private static let leeway: TimeInterval = 30
  private static let greatestLength = 8_192

  /// - Parameters:
  ///   - issuer: What `iss` has to be; nil takes any that has one of the keys.
  ///   - audience: What has to be among `aud`; nil takes a token whomever it was issued for.
  public init(
    keys: OpenIDKeys, issuer: String?, audience: String?, now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.keys = keys
    self.issuer = issuer
    self.audience = audience
    self.now = now
  }

  public func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    let claims = try await OpenIDToken.claims(
      OpenIDClaims.self, of: token, atMost: Self.greatestLength, types: ["jwt", "at+jwt", "application/at+jwt"],
      keys: keys
    ).claims
    return try principal(claims, signature: token.split(separator: ".").last ?? "")
  }

  private func principal(_ claims: OpenIDClaims, signature: Substring) throws(TokenRefusal) -> Principal {
    let time = now()
    if let issuer, claims.issuer != issuer { throw TokenRefusal(.invalid, "of another issuer") }
    if let audience, !claims.audience.contains(audience) { throw TokenRefusal(.invalid, "for another audience") }
    guard (1...255).contains(claims.subject.utf8.count) else { throw TokenRefusal(.invalid, "names no subject") }
    guard claims.expiresAt + Self.leeway > time else { throw TokenRefusal(.expired, "expired") }
    guard (claims.notBefore ?? time) <= time + Self.leeway, (claims.issuedAt ?? time) <= time + Self.leeway else {
      throw TokenRefusal(.invalid, "not valid yet")
    }
    return Principal(
      // Not every provider gives its tokens an id; no two have the same signature.
      subject: claims.subject, tokenID: claims.tokenID ?? String(signature.prefix(64)), sessionID: claims.sessionID,
      roles: claims.roles, permissions: claims.permissions.map(Permission.init(rawValue:)),
      issuedAt: claims.issuedAt ?? time, expiresAt: claims.expiresAt)
  }
}
