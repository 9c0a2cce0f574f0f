import AuthAPI
import Crypto
import Foundation
import GravityContracts
import GravityIdentity
import JWTKit

/// The scopes that are no permissions.
enum StandardScope {
  /// Asks for an ID token (OpenID Connect Core §3.1.2.1).
  static let openID = "openid"
  static let profile = "profile"
  static let email = "email"
  /// Asks for a refresh token (OpenID Connect Core §11).
  static let offlineAccess = "offline_access"
  static let account = Principal.accountScope.rawValue
  static let all = [openID, profile, email, offlineAccess, account]
}

/// What a client may be.
enum ClientRules {
  static func errors(in row: ClientRow) -> [Problem.FieldError] {
    PersonName.errors(in: row.name) + grantErrors(row) + scopeErrors(row)
      + addressErrors(row.redirectURIs, "redirect_uris")
      + addressErrors(row.postLogoutRedirectURIs, "post_logout_redirect_uris") + keyErrors(row)
  }

  private static func error(_ field: String, _ code: String, _ message: String) -> Problem.FieldError {
    .init(field: field, code: code, message: message)
  }

  private static func grantErrors(_ row: ClientRow) -> [Problem.FieldError] {
    var errors: [Problem.FieldError] = []
    if row.grants.isEmpty || Set(row.grants).count != row.grants.count {
      errors.append(error("grants", "required", "must be at least one, each once"))
    }
    if row.grants.contains(.clientCredentials), row.authentication == .none {
      errors.append(
        error(
          "grants", "public_client",
          "a public client has no credentials: \(Client.Grant.clientCredentials.rawValue) is not for it"))
    }
    if row.grants.contains(.authorizationCode), row.redirectURIs.isEmpty {
      errors.append(error("redirect_uris", "required", "must be at least one for authorization_code"))
    }
    if row.grants.contains(.refreshToken), !row.grants.contains(.authorizationCode), !row.grants.contains(.deviceCode) {
      errors.append(error("grants", "refresh_alone", "refresh_token needs a grant that gives a refresh token"))
    }
    return errors
  }

  private static func scopeErrors(_ row: ClientRow) -> [Problem.FieldError] {
    guard row.scopes.count <= 100, Set(row.scopes).count == row.scopes.count else {
      return [error("scopes", "too_many", "must be at most 100, each once")]
    }
    return row.scopes.enumerated().filter {
      !StandardScope.all.contains($0.element) && !Permission(rawValue: $0.element).isWellFormed
    }.map {
      error(
        "scopes.\($0.offset)", "format",
        "must be resource:action or one of \(StandardScope.all.joined(separator: ", "))")
    }
  }

  private static func addressErrors(_ addresses: [String], _ field: String) -> [Problem.FieldError] {
    guard addresses.count <= 20 else { return [error(field, "too_many", "must be at most 20")] }
    return addresses.enumerated().filter { RedirectURI($0.element) == nil }.map {
      error(
        "\(field).\($0.offset)", "format",
        "must be https, http on a loopback address, or a scheme such as com.example.app; without a fragment")
    }
  }

  private static func keyErrors(_ row: ClientRow) -> [Problem.FieldError] {
    guard row.authentication == .privateKeyJWT else {
      return row.keys == nil ? [] : [error("keys", "unexpected", "are for private_key_jwt only")]
    }
    guard let keys = row.keys?.keys, (1...10).contains(keys.count) else {
      return [error("keys", "required", "must be 1 to 10 for private_key_jwt")]
    }
    return keys.enumerated().filter { AssertionKey($0.element) == nil }.map {
      error("keys.keys.\($0.offset)", "format", "must be a P-256 key, or an RSA key of 2048 to 8192 bits")
    }
  }
}

/// A client's key, ready to verify with.
enum AssertionKey {
  case ecdsa(ES256PublicKey)
  case rsa(JWTKit.Insecure.RSA.PublicKey)

  init?(_ key: ClientKeySet.Key) {
    guard key.use ?? "sig" == "sig" else { return nil }
    switch key.kty {
    case "EC":
      guard key.crv == "P-256", key.alg ?? "ES256" == "ES256", let x = key.x.flatMap({ Data(base64URLEncoded: $0) }),
        let y = key.y.flatMap({ Data(base64URLEncoded: $0) }), x.count == 32, y.count == 32,
        let point = try? P256.Signing.PublicKey(rawRepresentation: x + y),
        let found = try? ES256PublicKey(backing: point)
      else { return nil }
      self = .ecdsa(found)
    case "RSA":
      guard key.alg ?? "RS256" == "RS256", let n = key.n, let e = key.e,
        let modulus = Data(base64URLEncoded: n), (256...1024).contains(modulus.drop(while: { $0 == 0 }).count),
        let found = try? JWTKit.Insecure.RSA.PublicKey(modulus: n, exponent: e)
      else { return nil }
      self = .rsa(found)
    default: return nil
    }
  }

  var algorithm: String {
    switch self {
    case .ecdsa: "ES256"
    case .rsa: "RS256"
    }
  }
}
