public import Foundation
public import GravityContracts

/// An application or a server that gets tokens here (RFC 6749 §2).
public struct Client: Codable, Sendable, Hashable, EntityTagged {
  /// How a client proves who it is at the token endpoint (RFC 7591 §2).
  public enum Authentication: String, Codable, Sendable, CaseIterable {
    case secretBasic = "client_secret_basic"
    case secretPost = "client_secret_post"
    /// By a JWT that it signs: ES256 or RS256 (RFC 7523 §2.2).
    case privateKeyJWT = "private_key_jwt"
    /// Not at all: a public client, such as an app on a phone.
    case none
  }

  public enum Grant: String, Codable, Sendable, CaseIterable {
    case authorizationCode = "authorization_code"
    case refreshToken = "refresh_token"
    case clientCredentials = "client_credentials"
    case deviceCode = "urn:ietf:params:oauth:grant-type:device_code"
  }

  /// The `client_id`.
  public var id: UUID
  public var name: String
  public var authentication: Open<Authentication>
  public var grants: [Open<Grant>]
  /// What it may ask for: permissions, `account`, `openid`, `profile`, `email`, `offline_access`.
  public var scopes: [String]
  /// Compared as they are, but for the port of a loopback address (RFC 8252 §7.3).
  public var redirectURIs: [String]
  /// Where a browser may be sent after a logout that the client asked for.
  public var postLogoutRedirectURIs: [String]
  /// What its assertions are verified with.
  public var keys: ClientKeySet?
  /// Belongs to the platform's owner: nobody is asked for consent.
  public var firstParty: Bool
  /// Came with the platform: it can be switched off, and stays as it is otherwise.
  public var builtIn: Bool
  /// Gets tokens; turning it off revokes those that it has.
  public var enabled: Bool
  public var secrets: [ClientSecretInfo]
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date

  public init(
    id: UUID, name: String, authentication: Authentication, grants: [Grant], scopes: [String], redirectURIs: [String],
    postLogoutRedirectURIs: [String], keys: ClientKeySet?, firstParty: Bool, builtIn: Bool,
    enabled: Bool, secrets: [ClientSecretInfo], version: Int64, createdAt: Date, updatedAt: Date
  ) {
    self.id = id
    self.name = name
    self.authentication = .known(authentication)
    self.grants = grants.map(Open.known)
    self.scopes = scopes
    self.redirectURIs = redirectURIs
    self.postLogoutRedirectURIs = postLogoutRedirectURIs
    self.keys = keys
    self.firstParty = firstParty
    self.builtIn = builtIn
    self.enabled = enabled
    self.secrets = secrets
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case id, name, authentication, grants, scopes, keys, enabled, secrets, version
    case redirectURIs = "redirect_uris"
    case postLogoutRedirectURIs = "post_logout_redirect_uris"
    case firstParty = "first_party"
    case builtIn = "built_in"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

/// A secret without the secret.
public struct ClientSecretInfo: Codable, Sendable, Hashable {
  public var id: UUID
  public var createdAt: Date
  public init(id: UUID, createdAt: Date) {
    self.id = id
    self.createdAt = createdAt
  }
  enum CodingKeys: String, CodingKey {
    case id
    case createdAt = "created_at"
  }
}

/// A JWK Set (RFC 7517 §5) of a client's public keys: 1 to 10.
public struct ClientKeySet: Codable, Sendable, Hashable {
  public var keys: [Key]
  public init(keys: [Key]) { self.keys = keys }

  /// A P-256 key (`x`, `y`) or an RSA key of at least 2 048 bits (`n`, `e`). Private members are not read.
  public struct Key: Codable, Sendable, Hashable {
    public var kty: String
    public var crv: String?
    public var x: String?
    public var y: String?
    public var n: String?
    public var e: String?
    public var kid: String?
    public var use: String?
    public var alg: String?

    public init(
      kty: String, crv: String? = nil, x: String? = nil, y: String? = nil, n: String? = nil, e: String? = nil,
      kid: String? = nil, use: String? = nil, alg: String? = nil
    ) {
      self.kty = kty
      self.crv = crv
      self.x = x
      self.y = y
      self.n = n
      self.e = e
      self.kid = kid
      self.use = use
      self.alg = alg
    }

    enum CodingKeys: String, CodingKey { case kty, crv, x, y, n, e, kid, use, alg }
  }
}

public struct NewClient: Codable, Sendable {
  /// 1 to 200 characters; people read it when they are asked for consent.
  public var name: String
  /// `client_secret_basic` when it is left out.
  public var authentication: Client.Authentication?
  public var grants: [Client.Grant]
  /// At most 100. Whoever makes the client gives it no permission that they do not hold.
  public var scopes: [String]?
  /// At most 20: `https`, `http` on a loopback address, or a private-use scheme with a dot in it (RFC 8252 §7.1).
  public var redirectURIs: [String]?
  public var postLogoutRedirectURIs: [String]?
  public var keys: ClientKeySet?
  public var firstParty: Bool?

  public init(
    name: String, authentication: Client.Authentication? = nil, grants: [Client.Grant], scopes: [String]? = nil,
    redirectURIs: [String]? = nil, postLogoutRedirectURIs: [String]? = nil, keys: ClientKeySet? = nil,
    firstParty: Bool? = nil
  ) {
    self.name = name
    self.authentication = authentication
    self.grants = grants
    self.scopes = scopes
    self.redirectURIs = redirectURIs
    self.postLogoutRedirectURIs = postLogoutRedirectURIs
    self.keys = keys
    self.firstParty = firstParty
  }

  enum CodingKeys: String, CodingKey {
    case name, authentication, grants, scopes, keys
    case redirectURIs = "redirect_uris"
    case postLogoutRedirectURIs = "post_logout_redirect_uris"
    case firstParty = "first_party"
  }
}

/// What is left out stays. How the client authenticates cannot be changed: make another client.
public struct ClientUpdate: Codable, Sendable {
  public var id: UUID
  public var name: String?
  public var grants: [Client.Grant]?
  public var scopes: [String]?
  public var redirectURIs: [String]?
  public var postLogoutRedirectURIs: [String]?
  public var keys: ClientKeySet?
  public var firstParty: Bool?
  public var enabled: Bool?

  public init(
    id: UUID, name: String? = nil, grants: [Client.Grant]? = nil, scopes: [String]? = nil,
    redirectURIs: [String]? = nil, postLogoutRedirectURIs: [String]? = nil, keys: ClientKeySet? = nil,
    firstParty: Bool? = nil, enabled: Bool? = nil
  ) {
    self.id = id
    self.name = name
    self.grants = grants
    self.scopes = scopes
    self.redirectURIs = redirectURIs
    self.postLogoutRedirectURIs = postLogoutRedirectURIs
    self.keys = keys
    self.firstParty = firstParty
    self.enabled = enabled
  }

  enum CodingKeys: String, CodingKey {
    case id, name, grants, scopes, keys, enabled
    case redirectURIs = "redirect_uris"
    case postLogoutRedirectURIs = "post_logout_redirect_uris"
    case firstParty = "first_party"
  }
}

/// A client that was just made.
public struct CreatedClient: Codable, Sendable {
  public var client: Client
  /// Shown this once; nil where the client has none.
  public var clientSecret: String?
  public init(client: Client, clientSecret: String?) {
    self.client = client
    self.clientSecret = clientSecret
  }
  enum CodingKeys: String, CodingKey {
    case client
    case clientSecret = "client_secret"
  }
}

/// A secret that was just made.
public struct CreatedClientSecret: Codable, Sendable {
  public var id: UUID
  /// Shown this once.
  public var clientSecret: String
  public var createdAt: Date
  public init(id: UUID, clientSecret: String, createdAt: Date) {
    self.id = id
    self.clientSecret = clientSecret
    self.createdAt = createdAt
  }
  enum CodingKeys: String, CodingKey {
    case id
    case clientSecret = "client_secret"
    case createdAt = "created_at"
  }
}

public struct ClientID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

public struct ClientSecretID: Codable, Sendable {
  public var id: UUID
  public var secret: UUID
  public init(id: UUID, secret: UUID) {
    self.id = id
    self.secret = secret
  }
}
