import GravityContracts

/// What the token endpoint takes (RFC 6749 §3.2): which fields a grant needs, the grant says.
public struct TokenRequest: Codable, Sendable {
  public var grantType: String?
  public var scope: String?
  /// Whom the token is for (RFC 8707 §2); taken with client credentials.
  public var resource: String?
  public var code: String?
  public var redirectURI: String?
  public var codeVerifier: String?
  public var refreshToken: String?
  public var deviceCode: String?
  public var clientID: String?
  public var clientSecret: String?
  public var clientAssertionType: String?
  public var clientAssertion: String?

  public init() {}

  enum CodingKeys: String, CodingKey {
    case scope, resource, code
    case grantType = "grant_type"
    case redirectURI = "redirect_uri"
    case codeVerifier = "code_verifier"
    case refreshToken = "refresh_token"
    case deviceCode = "device_code"
    case clientID = "client_id"
    case clientSecret = "client_secret"
    case clientAssertionType = "client_assertion_type"
    case clientAssertion = "client_assertion"
  }
}

/// RFC 6749 §5.1, OpenID Connect Core §3.1.3.3.
public struct TokenReply: Codable, Sendable, Hashable {
  public var accessToken: String
  /// `Bearer`.
  public var tokenType: String
  /// Seconds.
  public var expiresIn: Int
  /// What was granted, separated by spaces; it may be less than was asked for.
  public var scope: String
  public var refreshToken: String?
  public var idToken: String?

  public init(
    accessToken: String, expiresIn: Int, scope: String, refreshToken: String? = nil, idToken: String? = nil
  ) {
    self.accessToken = accessToken
    tokenType = "Bearer"
    self.expiresIn = expiresIn
    self.scope = scope
    self.refreshToken = refreshToken
    self.idToken = idToken
  }

  enum CodingKeys: String, CodingKey {
    case scope
    case accessToken = "access_token"
    case tokenType = "token_type"
    case expiresIn = "expires_in"
    case refreshToken = "refresh_token"
    case idToken = "id_token"
  }
}

/// RFC 7662 §2.1, and RFC 7009 §2.1 with what the client proves itself by.
public struct TokenQuestion: Codable, Sendable {
  public var token: String?
  /// `access_token` or `refresh_token`; only a hint.
  public var tokenTypeHint: String?
  public var clientID: String?
  public var clientSecret: String?
  public var clientAssertionType: String?
  public var clientAssertion: String?

  public init(token: String) { self.token = token }

  enum CodingKeys: String, CodingKey {
    case token
    case tokenTypeHint = "token_type_hint"
    case clientID = "client_id"
    case clientSecret = "client_secret"
    case clientAssertionType = "client_assertion_type"
    case clientAssertion = "client_assertion"
  }
}

/// RFC 7662 §2.2. Of a token that is not good there is `active` only.
public struct Introspection: Codable, Sendable, Hashable {
  public var active: Bool
  public var scope: String?
  public var clientID: String?
  public var tokenType: String?
  /// Seconds since 1970.
  public var exp: Int64?
  public var iat: Int64?
  public var sub: String?
  public var aud: String?
  public var iss: String?
  public var jti: String?
  public var sid: String?
  public var acr: String?
  public var authTime: Int64?

  public init(active: Bool) { self.active = active }

  enum CodingKeys: String, CodingKey {
    case active, scope, exp, iat, sub, aud, iss, jti, sid, acr
    case clientID = "client_id"
    case tokenType = "token_type"
    case authTime = "auth_time"
  }
}

/// What the server can do (RFC 8414 §2, OpenID Connect Discovery §3).
public struct ServerMetadata: Codable, Sendable, Hashable {
  public var issuer: String
  public var authorizationEndpoint: String
  public var tokenEndpoint: String
  public var revocationEndpoint: String
  public var introspectionEndpoint: String
  /// RFC 8628 §4.
  public var deviceAuthorizationEndpoint: String
  public var userinfoEndpoint: String
  public var jwksURI: String
  public var scopesSupported: [String]
  public var responseTypesSupported: [String]
  public var responseModesSupported: [String]
  public var grantTypesSupported: [String]
  public var tokenEndpointAuthMethodsSupported: [String]
  public var tokenEndpointAuthSigningAlgValuesSupported: [String]
  public var codeChallengeMethodsSupported: [String]
  public var authorizationResponseIssParameterSupported: Bool
  public var subjectTypesSupported: [String]
  public var idTokenSigningAlgValuesSupported: [String]
  public var claimsSupported: [String]
  public var acrValuesSupported: [String]
  public var promptValuesSupported: [String]
  /// With what else people sign in on the sign-in page, as they call it.
  public var identityProviders: [String]

  public init(
    issuer: String, scopes: [String], grants: [Client.Grant], identityProviders: [String], assurances: [String]
  ) {
    func address(_ path: String) -> String { issuer + path }
    self.issuer = issuer
    authorizationEndpoint = address(AuthAPI.authorize.path)
    tokenEndpoint = address(AuthAPI.token.path)
    revocationEndpoint = address(AuthAPI.revokeToken.path)
    introspectionEndpoint = address(AuthAPI.introspect.path)
    deviceAuthorizationEndpoint = address(AuthAPI.deviceAuthorization.path)
    userinfoEndpoint = address(AuthAPI.userInfo.path)
    jwksURI = address(AuthAPI.keys.path)
    scopesSupported = scopes
    responseTypesSupported = ["code"]
    responseModesSupported = ["query"]
    grantTypesSupported = grants.map(\.rawValue)
    tokenEndpointAuthMethodsSupported = Client.Authentication.allCases.map(\.rawValue)
    tokenEndpointAuthSigningAlgValuesSupported = ["ES256", "RS256"]
    codeChallengeMethodsSupported = ["S256"]
    authorizationResponseIssParameterSupported = true
    subjectTypesSupported = ["public"]
    idTokenSigningAlgValuesSupported = ["ES256"]
    claimsSupported = [
      "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "name", "email",
      "email_verified",
    ]
    acrValuesSupported = assurances
    promptValuesSupported = ["none", "login", "consent"]
    self.identityProviders = identityProviders
  }

  enum CodingKeys: String, CodingKey {
    case issuer
    case authorizationEndpoint = "authorization_endpoint"
    case tokenEndpoint = "token_endpoint"
    case revocationEndpoint = "revocation_endpoint"
    case introspectionEndpoint = "introspection_endpoint"
    case deviceAuthorizationEndpoint = "device_authorization_endpoint"
    case userinfoEndpoint = "userinfo_endpoint"
    case jwksURI = "jwks_uri"
    case scopesSupported = "scopes_supported"
    case responseTypesSupported = "response_types_supported"
    case responseModesSupported = "response_modes_supported"
    case grantTypesSupported = "grant_types_supported"
    case tokenEndpointAuthMethodsSupported = "token_endpoint_auth_methods_supported"
    case tokenEndpointAuthSigningAlgValuesSupported = "token_endpoint_auth_signing_alg_values_supported"
    case codeChallengeMethodsSupported = "code_challenge_methods_supported"
    case authorizationResponseIssParameterSupported = "authorization_response_iss_parameter_supported"
    case subjectTypesSupported = "subject_types_supported"
    case idTokenSigningAlgValuesSupported = "id_token_signing_alg_values_supported"
    case claimsSupported = "claims_supported"
    case acrValuesSupported = "acr_values_supported"
    case promptValuesSupported = "prompt_values_supported"
    case identityProviders = "identity_providers"
  }
}
