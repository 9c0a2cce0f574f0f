import AuthServer
import Foundation
import GravityIdentity
import JWTKit

/// What an ID token says (OpenID Connect Core §2).
struct IDTokenClaims: JWTPayload {
  var issuer: String
  /// Of a provider that serves many.
  var tenant: String?
  var subject: String
  var audience: [String]
  var authorizedParty: String?
  var expiresAt: Date
  var issuedAt: Date
  var notBefore: Date?
  var nonce: String?
  var authenticatedAt: Date?
  var person: PersonClaims

  private enum Name: String, CodingKey {
    case iss, tid, sub, aud, azp, exp, iat, nbf, nonce
    case authTime = "auth_time"
  }

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
    func needed(_ name: Name) throws -> Date {
      guard let date = try time(name) else {
        throw DecodingError.keyNotFound(name, .init(codingPath: [], debugDescription: "missing"))
      }
      return date
    }
    issuer = try claims.decode(String.self, forKey: .iss)
    tenant = try? claims.decodeIfPresent(String.self, forKey: .tid)
    subject = try claims.decode(String.self, forKey: .sub)
    // One audience may stand without the array (RFC 7519 §4.1.3).
    audience =
      try (try? claims.decode(String.self, forKey: .aud)).map { [$0] } ?? claims.decode([String].self, forKey: .aud)
    authorizedParty = try claims.decodeIfPresent(String.self, forKey: .azp)
    expiresAt = try needed(.exp)
    issuedAt = try needed(.iat)
    notBefore = try time(.nbf)
    nonce = try claims.decodeIfPresent(String.self, forKey: .nonce)
    authenticatedAt = try time(.authTime)
    person = try PersonClaims(from: decoder)
  }

  func encode(to encoder: any Encoder) throws {
    throw EncodingError.invalidValue(self, .init(codingPath: [], debugDescription: "tokens of others are only read"))
  }

  func verify(using algorithm: some JWTAlgorithm) async throws {}

  /// Seconds by which two machines' clocks may differ.
  private static let leeway: TimeInterval = 30
  /// Seconds since it was issued: the sign-in that it is of has just ended.
  private static let greatestAge: TimeInterval = 600

  /// OpenID Connect Core §3.1.3.7, but for the signature, which was checked before.
  func check(
    issuer: OpenIDIssuer, client: String, nonce expected: String, maximumAge: Int?, now: Date
  ) throws(ProviderFailure) {
    func require(_ holds: Bool, _ what: String) throws(ProviderFailure) {
      guard holds else { throw ProviderFailure(.invalid, "the ID token \(what)") }
    }
    try require(issuer.matches(self.issuer, tenant: tenant), "is of another issuer")
    try require(audience.contains(client), "is for another client")
    try require(audience.count == 1 || authorizedParty != nil, "is for several, and does not say who asked")
    try require(authorizedParty ?? client == client, "was asked for by another client")
    try require(expiresAt + Self.leeway > now, "is expired")
    try require(issuedAt <= now + Self.leeway && (notBefore ?? now) <= now + Self.leeway, "is not valid yet")
    try require(issuedAt + Self.greatestAge + Self.leeway > now, "was issued long ago")
    try require(nonce.map { ConstantTime.areEqual($0.utf8, expected.utf8) } ?? false, "is of another sign-in")
    try require((1...255).contains(subject.utf8.count) && !subject.utf8.contains(0), "names no subject")
    if let maximumAge {
      // Whoever asks for an age is told the time (§2).
      guard let authenticatedAt else {
        throw ProviderFailure(.stale, "the ID token does not say when the person signed in")
      }
      guard now.timeIntervalSince(authenticatedAt) <= Double(maximumAge) + Self.leeway else {
        throw ProviderFailure(.stale, "the ID token says that the person signed in too long ago")
      }
    }
  }
}

/// What a provider tells of a person, in an ID token or at its userinfo endpoint (OpenID Connect Core §5.1).
struct PersonClaims: Decodable {
  var email: String?
  var emailIsVerified: Bool
  var name: String?

  private enum Name: String, CodingKey {
    case email, name
    case emailVerified = "email_verified"
  }

  init(from decoder: any Decoder) throws {
    let claims = try decoder.container(keyedBy: Name.self)
    email = try? claims.decodeIfPresent(String.self, forKey: .email)
    name = try? claims.decodeIfPresent(String.self, forKey: .name)
    // Some providers write it as a text.
    let isTrue = (try? claims.decodeIfPresent(Bool.self, forKey: .emailVerified)) ?? nil
    let text = (try? claims.decodeIfPresent(String.self, forKey: .emailVerified)) ?? nil
    emailIsVerified = isTrue ?? (text == "true")
  }
}
