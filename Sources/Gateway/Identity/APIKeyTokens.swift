public import GravityIdentity

/// Turns API keys, which come where an access token would, into access tokens.
public protocol APIKeyTokens: Sendable {
  /// How keys begin, and no token does.
  var prefix: String { get }

  /// The token that services are told instead of the key. It is verified like any other, and the key is exchanged anew
  /// when it has ended or was revoked.
  ///
  /// - Throws: ``TokenRefusal/Code/invalid`` for a key that is not good, ``TokenRefusal/Code/unavailable`` where that
  ///   cannot be known now.
  func token(for key: String) async throws(TokenRefusal) -> String
}

extension APIKeyTokens {
  /// Verifies what a key is exchanged for.
  func verify(_ key: String, by verifier: any TokenVerifier) async throws(TokenRefusal) -> VerifiedCredential {
    let token = try await token(for: key)
    return VerifiedCredential(principal: try await verifier.verify(token), exchangedFor: token)
  }
}

/// What a client brought, as it was found to be.
struct VerifiedCredential: Sendable {
  var principal: Principal
  /// nil where the client brought the token itself.
  var exchangedFor: String?
}
