/// Tells whom a bearer token speaks for.
public protocol TokenVerifier: Sendable {
  /// Checks form, `alg`, signature, `iss`, `aud`, `exp`, `nbf` (30 s leeway) and revocation.
  func verify(_ token: String) async throws(TokenRefusal) -> Principal
}

/// Why a token is not accepted. A client is told ``code`` only.
public struct TokenRefusal: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Code: String, Sendable, Hashable {
    /// Not a JWS of at most 8 192 bytes, an `alg` other than ES256, an unknown key, a wrong signature, issuer or
    /// audience, or a claim of a wrong type.
    case invalid = "invalid_token"
    case expired = "token_expired"
    case revoked = "token_revoked"
    /// The keys or the revocations cannot be had, so that nothing can be said. 503, never a way in.
    case unavailable = "identity_unavailable"
  }
  public var code: Code
  /// For the log; never the token itself.
  public var description: String
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
