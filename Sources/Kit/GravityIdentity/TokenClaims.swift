public import Foundation
public import GravityContracts

/// The claims of an access token (RFC 9068 §2.2). They name the subject by its id only: no personal data.
public struct TokenClaims: Codable, Sendable, Hashable {
  public var issuer: String
  public var subject: String
  public var audience: [String]
  /// Whole seconds on the wire (RFC 7519 §2, NumericDate), like every time here.
  public var issuedAt: Date
  public var notBefore: Date?
  public var expiresAt: Date
  public var tokenID: String
  public var sessionID: String?
  public var roles: [String]
  public var permissions: [Permission]
  /// What the token is limited to, separated by spaces on the wire (RFC 9068 §2.2.3); nil is no limit.
  public var scope: [Permission]?
  /// ``Principal/epoch``.
  public var epoch: Int64
  /// How the subject authenticated (RFC 8176).
  public var methods: [String]
  /// The version of the roles from which ``permissions`` were taken.
  public var policyVersion: Int64?
  /// Reserved (decision 16): one deployment serves one tenant.
  public var tenantID: String?
  /// The client that the token was issued to (RFC 9068 §2.2); a first-party login has none.
  public var clientID: String?
  /// When the subject authenticated (RFC 9068 §2.2.1).
  public var authenticatedAt: Date?
  /// How well: ``Principal/assurance``.
  public var assurance: String?

  public init(
    issuer: String, subject: String, audience: [String], issuedAt: Date, notBefore: Date? = nil, expiresAt: Date,
    tokenID: String, sessionID: String? = nil, roles: [String] = [], permissions: [Permission] = [],
    scope: [Permission]? = nil, epoch: Int64 = 0, methods: [String] = [], policyVersion: Int64? = nil,
    tenantID: String? = nil, clientID: String? = nil, authenticatedAt: Date? = nil, assurance: String? = nil
  ) {
    self.issuer = issuer
    self.subject = subject
    self.audience = audience
    self.issuedAt = issuedAt
    self.notBefore = notBefore
    self.expiresAt = expiresAt
    self.tokenID = tokenID
    self.sessionID = sessionID
    self.roles = roles
    self.permissions = permissions
    self.scope = scope
    self.epoch = epoch
    self.methods = methods
    self.policyVersion = policyVersion
    self.tenantID = tenantID
    self.clientID = clientID
    self.authenticatedAt = authenticatedAt
    self.assurance = assurance
  }

  enum CodingKeys: String, CodingKey {
    case roles, permissions, scope
    case issuer = "iss"
    case subject = "sub"
    case audience = "aud"
    case issuedAt = "iat"
    case notBefore = "nbf"
    case expiresAt = "exp"
    case tokenID = "jti"
    case sessionID = "sid"
    case epoch = "ep"
    case methods = "amr"
    case policyVersion = "pv"
    case tenantID = "tid"
    case clientID = "client_id"
    case authenticatedAt = "auth_time"
    case assurance = "acr"
  }

  public init(from decoder: any Decoder) throws {
    let claims = try decoder.container(keyedBy: CodingKeys.self)
    func time(_ key: CodingKeys) throws -> Date? {
      try claims.decodeIfPresent(Int64.self, forKey: key).map { Date(timeIntervalSince1970: Double($0)) }
    }
    func requiredTime(_ key: CodingKeys) throws -> Date {
      Date(timeIntervalSince1970: Double(try claims.decode(Int64.self, forKey: key)))
    }
    issuer = try claims.decode(String.self, forKey: .issuer)
    subject = try claims.decode(String.self, forKey: .subject)
    // One audience may stand without the array (RFC 7519 §4.1.3).
    audience =
      try (try? claims.decode(String.self, forKey: .audience)).map { [$0] }
      ?? claims.decode([String].self, forKey: .audience)
    issuedAt = try requiredTime(.issuedAt)
    notBefore = try time(.notBefore)
    expiresAt = try requiredTime(.expiresAt)
    tokenID = try claims.decode(String.self, forKey: .tokenID)
    sessionID = try claims.decodeIfPresent(String.self, forKey: .sessionID)
    roles = try claims.decodeIfPresent([String].self, forKey: .roles) ?? []
    permissions = try claims.decodeIfPresent([Permission].self, forKey: .permissions) ?? []
    scope = try claims.decodeIfPresent(String.self, forKey: .scope).map { text in
      text.split(separator: " ").map { Permission(rawValue: String($0)) }
    }
    epoch = try claims.decodeIfPresent(Int64.self, forKey: .epoch) ?? 0
    methods = try claims.decodeIfPresent([String].self, forKey: .methods) ?? []
    policyVersion = try claims.decodeIfPresent(Int64.self, forKey: .policyVersion)
    tenantID = try claims.decodeIfPresent(String.self, forKey: .tenantID)
    clientID = try claims.decodeIfPresent(String.self, forKey: .clientID)
    authenticatedAt = try time(.authenticatedAt)
    assurance = try claims.decodeIfPresent(String.self, forKey: .assurance)
  }

  public func encode(to encoder: any Encoder) throws {
    var claims = encoder.container(keyedBy: CodingKeys.self)
    func seconds(_ date: Date) -> Int64 { Int64(date.timeIntervalSince1970.rounded(.down)) }
    try claims.encode(issuer, forKey: .issuer)
    try claims.encode(subject, forKey: .subject)
    if audience.count == 1 {
      try claims.encode(audience[0], forKey: .audience)
    } else {
      try claims.encode(audience, forKey: .audience)
    }
    try claims.encode(seconds(issuedAt), forKey: .issuedAt)
    try claims.encodeIfPresent(notBefore.map(seconds), forKey: .notBefore)
    try claims.encode(seconds(expiresAt), forKey: .expiresAt)
    try claims.encode(tokenID, forKey: .tokenID)
    try claims.encodeIfPresent(sessionID, forKey: .sessionID)
    try claims.encode(roles, forKey: .roles)
    try claims.encode(permissions, forKey: .permissions)
    try claims.encodeIfPresent(scope?.map(\.rawValue).joined(separator: " "), forKey: .scope)
    try claims.encode(epoch, forKey: .epoch)
    try claims.encode(methods, forKey: .methods)
    try claims.encodeIfPresent(policyVersion, forKey: .policyVersion)
    try claims.encodeIfPresent(tenantID, forKey: .tenantID)
    try claims.encodeIfPresent(clientID, forKey: .clientID)
    try claims.encodeIfPresent(authenticatedAt.map(seconds), forKey: .authenticatedAt)
    try claims.encodeIfPresent(assurance, forKey: .assurance)
  }

  /// Whom the token speaks for, once it has been verified.
  func principal(isService: Bool) -> Principal {
    Principal(
      subject: subject, tokenID: tokenID, sessionID: sessionID, roles: roles, permissions: permissions, scope: scope,
      epoch: epoch, methods: methods, issuedAt: issuedAt, expiresAt: expiresAt, isService: isService,
      clientID: clientID, authenticatedAt: authenticatedAt, assurance: assurance)
  }
}
