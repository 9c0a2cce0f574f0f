public import Foundation
import GravityIdentity

/// The settings of the auth service. Times are in seconds.
public struct AuthConfiguration: Sendable, Hashable {
  /// The `iss` of tokens: the address under which clients reach the platform.
  public var issuer = "gravity"
  /// The `aud` of tokens.
  public var audience = "gravity"
  /// 60 to 3 600.
  public var accessTokenLifetime: TimeInterval = 15 * 60
  /// The longest lifetime of any token signed with the platform's keys, those of `gravity token mint` included.
  public var longestTokenLifetime: TimeInterval = 24 * 3600
  /// After how long without a refresh a session ends.
  public var sessionIdleLifetime: TimeInterval = 30 * 86_400
  /// After how long a session ends in any case.
  public var sessionLifetime: TimeInterval = 90 * 86_400
  /// For how long somebody who signed in at a page need not do it again; at most 30 days.
  public var browserSessionLifetime: TimeInterval = 12 * 3600
  /// 10 to 600 (RFC 6749 §4.1.2).
  public var authorizationCodeLifetime: TimeInterval = 60
  /// How long a device waits to be let in; 60 to 1 800.
  public var deviceCodeLifetime: TimeInterval = 600
  /// Seconds between two questions of a device; 1 to 60 (RFC 8628 §3.2).
  public var devicePause = 5
  /// For how long the previous refresh token gives the same successor again; at most 60.
  public var refreshRetryWindow: TimeInterval = 10
  /// bcrypt's cost; see ``PasswordHasher/costs``.
  public var passwordCost = 12
  /// Whether a new account must prove its address before it may log in.
  public var requiresEmailVerification = false
  public var verificationTokenLifetime: TimeInterval = 24 * 3600
  /// At most 600.
  public var recoveryTokenLifetime: TimeInterval = 600
  /// 60 to 3 600.
  public var emailChangeTokenLifetime: TimeInterval = 3600
  /// How long ago somebody may have authenticated who decides over their account (RFC 9470); 60 to 3 600.
  public var stepUpMaximumAge: TimeInterval = 600
  /// What passkeys are bound to (WebAuthn Level 3 §5.4.2): the issuer's host, or a domain that it lies beneath. The issuer's
  /// host where it is nil. Passkeys of another one are of no use any more.
  public var passkeyDomain: String?
  /// Where passkeys are used besides the issuer's own origin: `https://app.example.com`, beneath the domain; or Android apps
  /// (`android:apk-key-hash:` and the SHA-256 of the certificate in base64url).
  public var passkeyOrigins: [String] = []
  /// What pages and authenticator apps call this platform; 1 to 100 characters.
  public var displayName = "Gravity"
  /// Whom somebody asks whose address was changed without their doing: an address, a page, a name.
  public var supportContact = "the administrator of this platform"
  /// How long a signing key signs.
  public var signingKeyLifetime: TimeInterval = 30 * 86_400
  /// How long a key is published before it signs, so that every verifier has it by then.
  public var signingKeyLead: TimeInterval = 3600
  public var backOff = AttemptPolicy()

  public init() {}

  /// - Throws: ``AuthConfigurationError`` that names the setting and its bounds.
  public func validate() throws(AuthConfigurationError) {
    func require(_ holds: Bool, _ message: String) throws(AuthConfigurationError) {
      guard holds else { throw AuthConfigurationError(description: message) }
    }
    try require(!issuer.isEmpty && issuer != ServiceToken.issuer, "issuer: must not be empty or \(ServiceToken.issuer)")
    try require(!audience.isEmpty, "audience: must not be empty")
    try require((60...3600).contains(accessTokenLifetime), "access token lifetime: must be 60 to 3600 seconds")
    try require(
      longestTokenLifetime >= accessTokenLifetime, "longest token lifetime: must not be less than an access token's")
    try require(
      sessionIdleLifetime >= accessTokenLifetime && sessionIdleLifetime <= sessionLifetime,
      "session idle lifetime: must be between an access token's and a session's lifetime")
    try require(
      (60...30 * 86_400).contains(browserSessionLifetime), "browser session lifetime: must be 60 seconds to 30 days")
    try require(
      (10...600).contains(authorizationCodeLifetime), "authorization code lifetime: must be 10 to 600 seconds")
    try require((60...1800).contains(deviceCodeLifetime), "device code lifetime: must be 60 to 1800 seconds")
    try require((1...60).contains(devicePause), "device pause: must be 1 to 60 seconds")
    try require((0...60).contains(refreshRetryWindow), "refresh retry window: must be 0 to 60 seconds")
    try require(
      PasswordHasher.costs.contains(passwordCost),
      "password cost: must be \(PasswordHasher.costs.lowerBound) to \(PasswordHasher.costs.upperBound)")
    try require((60...600).contains(recoveryTokenLifetime), "recovery token lifetime: must be 60 to 600 seconds")
    try require(
      (60...3600).contains(emailChangeTokenLifetime), "e-mail change token lifetime: must be 60 to 3600 seconds")
    try require((60...3600).contains(stepUpMaximumAge), "step-up maximum age: must be 60 to 3600 seconds")
    _ = try PasskeySupport(self)
    try require((1...100).contains(displayName.count), "display name: must have 1 to 100 characters")
    try require(!supportContact.isEmpty, "support contact: must not be empty")
    try require(verificationTokenLifetime >= 60, "verification token lifetime: must be at least 60 seconds")
    try require(
      signingKeyLead >= 0 && signingKeyLead < signingKeyLifetime,
      "signing key lead: must be less than a signing key's lifetime")
  }
}

/// A setting that cannot be used. For the operator.
public struct AuthConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String
}
