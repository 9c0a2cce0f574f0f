/// What a client sends a browser with (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1).
public struct AuthorizationQuery: Codable, Sendable, Hashable {
  public var responseType: String?
  public var responseMode: String?
  public var clientID: String?
  public var redirectURI: String?
  public var scope: String?
  /// At most 1 024 bytes; comes back as it is.
  public var state: String?
  /// At most 255 bytes; stands in the ID token.
  public var nonce: String?
  public var codeChallenge: String?
  /// `S256`; there is no other.
  public var codeChallengeMethod: String?
  /// `none`, `login`, `consent`, `select_account`, separated by spaces.
  public var prompt: String?
  /// Seconds since the last sign-in.
  public var maxAge: String?
  /// `aal1`, `aal2`, separated by spaces, the preferred one first; two factors are needed where `aal2` stands alone.
  public var acrValues: String?
  /// Fills in the address.
  public var loginHint: String?
  /// Not supported; refused rather than passed over.
  public var request: String?
  public var requestURI: String?

  public init() {}

  enum CodingKeys: String, CodingKey {
    case scope, state, nonce, prompt, request
    case responseType = "response_type"
    case responseMode = "response_mode"
    case clientID = "client_id"
    case redirectURI = "redirect_uri"
    case codeChallenge = "code_challenge"
    case codeChallengeMethod = "code_challenge_method"
    case maxAge = "max_age"
    case acrValues = "acr_values"
    case loginHint = "login_hint"
    case requestURI = "request_uri"
  }
}

/// The sign-in page's form.
public struct SignInForm: Codable, Sendable {
  public var email: String?
  public var password: String?
  /// What the client asked for.
  public var request: String?
  /// Proves that the page is ours.
  public var formToken: String?

  public init() {}

  enum CodingKeys: String, CodingKey {
    case email, password, request
    case formToken = "form_token"
  }
}

/// The consent page's form.
public struct ConsentForm: Codable, Sendable {
  public var request: String?
  public var formToken: String?
  /// `allow`; anything else is a no.
  public var decision: String?

  public init() {}

  enum CodingKeys: String, CodingKey {
    case request, decision
    case formToken = "form_token"
  }
}

/// OpenID Connect Core §5.1; what the token's scopes allow.
public struct UserInfo: Codable, Sendable, Hashable {
  public var sub: String
  /// With `profile`.
  public var name: String?
  public var updatedAt: Int64?
  /// With `email`.
  public var email: String?
  public var emailVerified: Bool?

  public init(sub: String) { self.sub = sub }

  enum CodingKeys: String, CodingKey {
    case sub, name, email
    case updatedAt = "updated_at"
    case emailVerified = "email_verified"
  }
}
