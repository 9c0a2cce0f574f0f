/// What `navigator.credentials.create` is called with: `PublicKeyCredentialCreationOptionsJSON` of WebAuthn Level 3
/// §5.1.9, whose names are the standard's, so that `PublicKeyCredential.parseCreationOptionsFromJSON` reads it as it
/// is.
public struct PasskeyCreationOptions: Codable, Sendable, Hashable {
  public struct RelyingParty: Codable, Sendable, Hashable {
    /// The domain that the passkey is bound to.
    public var id: String
    public var name: String
    public init(id: String, name: String) {
      self.id = id
      self.name = name
    }
  }

  public struct User: Codable, Sendable, Hashable {
    /// 32 random bytes in base64url, the same for every passkey of an account: it tells nothing of whose it is
    /// (§14.6.1).
    public var id: String
    public var name: String
    public var displayName: String
    public init(id: String, name: String, displayName: String) {
      self.id = id
      self.name = name
      self.displayName = displayName
    }
  }

  public struct Parameters: Codable, Sendable, Hashable {
    /// `public-key`.
    public var type: String
    /// A COSE algorithm: −7 (ES256), −8 (EdDSA), −257 (RS256).
    public var alg: Int
    public init(alg: Int) {
      type = "public-key"
      self.alg = alg
    }
  }

  public struct Selection: Codable, Sendable, Hashable {
    /// `required`: who signs in types no address.
    public var residentKey: String
    public var requireResidentKey: Bool
    /// `required`: a passkey stands for two factors.
    public var userVerification: String
    public init() {
      residentKey = "required"
      requireResidentKey = true
      userVerification = "required"
    }
  }

  public var rp: RelyingParty
  public var user: User
  /// 32 random bytes in base64url, good once.
  public var challenge: String
  /// In order of preference.
  public var pubKeyCredParams: [Parameters]
  /// Milliseconds for which ``challenge`` is good.
  public var timeout: Int
  /// The account's own, so that no device makes a second one.
  public var excludeCredentials: [PasskeyDescriptor]
  public var authenticatorSelection: Selection
  /// `none`: which make a device is of is asked by nobody.
  public var attestation: String

  public init(
    rp: RelyingParty, user: User, challenge: String, algorithms: [Int], timeout: Int, exclude: [PasskeyDescriptor]
  ) {
    self.rp = rp
    self.user = user
    self.challenge = challenge
    pubKeyCredParams = algorithms.map(Parameters.init)
    self.timeout = timeout
    excludeCredentials = exclude
    authenticatorSelection = Selection()
    attestation = "none"
  }

  enum CodingKeys: String, CodingKey {
    case rp, user, challenge, pubKeyCredParams, timeout, excludeCredentials, authenticatorSelection, attestation
  }
}

/// What `navigator.credentials.get` is called with: `PublicKeyCredentialRequestOptionsJSON` of WebAuthn Level 3
/// §5.1.10.
public struct PasskeyRequestOptions: Codable, Sendable, Hashable {
  /// 32 random bytes in base64url, good once.
  public var challenge: String
  /// Milliseconds for which ``challenge`` is good.
  public var timeout: Int
  public var rpId: String
  /// Empty where anybody may sign in.
  public var allowCredentials: [PasskeyDescriptor]
  /// `required`.
  public var userVerification: String

  public init(challenge: String, timeout: Int, rpId: String, allow: [PasskeyDescriptor]) {
    self.challenge = challenge
    self.timeout = timeout
    self.rpId = rpId
    allowCredentials = allow
    userVerification = "required"
  }

  enum CodingKeys: String, CodingKey { case challenge, timeout, rpId, allowCredentials, userVerification }
}

/// WebAuthn Level 3 §5.8.3.
public struct PasskeyDescriptor: Codable, Sendable, Hashable {
  /// `public-key`.
  public var type: String
  /// The credential's id in base64url.
  public var id: String
  public var transports: [String]

  public init(id: String, transports: [String]) {
    type = "public-key"
    self.id = id
    self.transports = transports
  }
}
