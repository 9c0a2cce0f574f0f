import Crypto
public import Foundation
import JWTKit

/// Verifies access tokens: first their form, without a library; then the signature with a key of the issuer that they
/// name; then the claims; then whether they were revoked.
public struct JWTVerifier: TokenVerifier {
  /// An issuer that is believed, and how its tokens look.
  public struct Issuer: Sendable {
    public var name: String
    /// The audience of its tokens that speak for people and their clients; nil where there are none.
    public var audience: String?
    public var keys: any KeySource
    /// The audience of those of its tokens that speak for services; nil where none is believed to.
    public var serviceAudience: String?

    /// - Parameter serviceAudience: A gateway leaves it nil, so that a service's token never enters from outside. A token
    ///   for both audiences speaks for no service.
    public init(name: String, audience: String?, keys: any KeySource, serviceAudience: String? = nil) {
      self.name = name
      self.audience = audience
      self.keys = keys
      self.serviceAudience = serviceAudience
    }
  }

  /// Seconds by which two machines' clocks may differ (decision 16).
  public static let leeway: TimeInterval = 30

  private let issuers: [String: Issuer]
  private let revocations: RevocationList?
  private let tokenStore: (any TokenStore)?
  private let verified: VerifiedTokens
  private let now: @Sendable () -> Date

  /// - Parameters:
  ///   - issuers: Each has a name of its own; a token is verified only with keys of the issuer that it names. A
  ///     gateway names no service issuer, so that a service token never enters from outside.
  ///   - revocations: nil where whoever calls asks the blacklist itself, as a gateway does that has a ``TokenStore``.
  ///   - tokenStore: Asked while the feed behind `revocations` has stopped, so that a platform whose auth cannot be asked
  ///     goes on; nil refuses then. Its calls have to end by themselves.
  ///   - cacheCapacity: How many verified tokens are remembered, about 500 bytes each.
  public init(
    issuers: [Issuer], revocations: RevocationList?, tokenStore: (any TokenStore)? = nil,
    cacheCapacity: Int = 16_384,
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.issuers = Dictionary(issuers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.revocations = revocations
    self.tokenStore = tokenStore
    self.verified = VerifiedTokens(capacity: cacheCapacity)
    self.now = now
  }

  public func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    guard token.utf8.count <= CompactToken.greatestLength else {
      throw TokenRefusal(.invalid, "longer than 8192 bytes")
    }
    let digest = SHA256.hash(data: Data(token.utf8))
    let time = now()
    if let principal = verified.principal(for: digest, at: time) {
      guard principal.expiresAt + Self.leeway > time else { throw TokenRefusal(.expired, "expired") }
      return try await notRevoked(principal)
    }
    let principal = try await verifyAnew(token, at: time)
    verified.insert(principal, for: digest, until: min(principal.expiresAt + Self.leeway, time + Self.trustedFor))
    return try await notRevoked(principal)
  }

  /// Seconds for which a signature is not checked again.
  private static let trustedFor: TimeInterval = 60

  private func verifyAnew(_ token: String, at time: Date) async throws(TokenRefusal) -> Principal {
    let compact = try CompactToken(token)
    guard let issuer = issuers[compact.issuer] else { throw TokenRefusal(.invalid, "of another issuer") }
    guard let key = try await issuer.keys.key(for: compact.keyID) else {
      throw TokenRefusal(.invalid, "signed with a key that is not known")
    }
    let claims: TokenClaims
    do {
      claims = try await key.keys.verify(token, as: SignedClaims.self).claims
    } catch {
      let isForged = (error as? JWTError)?.errorType == .signatureVerificationFailed
      throw TokenRefusal(.invalid, isForged ? "the signature is wrong" : "the claims cannot be read")
    }
    try Self.check(claims, of: issuer, at: time)
    return claims.principal(isService: try Self.isService(claims, issuer))
  }

  /// Whom the token speaks for, by whom it is for.
  private static func isService(_ claims: TokenClaims, _ issuer: Issuer) throws(TokenRefusal) -> Bool {
    if let audience = issuer.serviceAudience, claims.audience == [audience] { return true }
    guard let audience = issuer.audience, claims.audience.contains(audience) else {
      throw TokenRefusal(.invalid, "for another audience")
    }
    return false
  }

  private static func check(_ claims: TokenClaims, of issuer: Issuer, at time: Date) throws(TokenRefusal) {
    guard claims.issuer == issuer.name else { throw TokenRefusal(.invalid, "of another issuer") }
    guard !claims.subject.isEmpty, claims.subject.utf8.count <= 255, !claims.tokenID.isEmpty,
      claims.tokenID.utf8.count <= 255
    else { throw TokenRefusal(.invalid, "names no subject or has no id") }
    guard claims.expiresAt + leeway > time else { throw TokenRefusal(.expired, "expired") }
    guard claims.issuedAt <= time + leeway, (claims.notBefore ?? claims.issuedAt) <= time + leeway else {
      throw TokenRefusal(.invalid, "not valid yet")
    }
  }

  private func notRevoked(_ principal: Principal) async throws(TokenRefusal) -> Principal {
    // A token that a service signed by itself lives for a minute and is nobody's to revoke; the feed of revocations is
    // fetched with one. What auth issued to a service's client is revoked like any client's.
    guard let revocations, !(principal.isService && principal.clientID == nil) else { return principal }
    var verdict = revocations.verdict(on: principal)
    if verdict == .unknown, let tokenStore {
      // A store that does not answer says as little as the feed.
      verdict =
        (try? await tokenStore.verdict(
          tokenID: principal.tokenID, sessionID: principal.sessionID, subject: principal.subject,
          epoch: principal.epoch)) ?? .unknown
    }
    switch verdict {
    case .accepted: return principal
    case .revoked: throw TokenRefusal(.revoked, "revoked")
    case .unknown: throw TokenRefusal(.unavailable, "the feed of revocations has stopped")
    }
  }
}
