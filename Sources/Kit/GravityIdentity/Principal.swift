public import Foundation
public import GravityContracts

/// Who calls, as a verified token says.
public struct Principal: Sendable, Hashable {
  /// The token's `sub`: an account's id, or a client's or service's name.
  public var subject: String
  /// The token's `jti`.
  public var tokenID: String
  /// The token's `sid`; tokens that belong to no session have none.
  public var sessionID: String?
  public var roles: [String]
  /// What the roles grant.
  public var permissions: [Permission]
  /// What the token was limited to when it was issued (RFC 9068 §2.2.3); nil is no limit.
  public var scope: [Permission]?
  /// Counts up when the subject's tokens are revoked as a whole; a token of an earlier epoch is refused.
  public var epoch: Int64
  /// How the subject authenticated (RFC 8176): `pwd`, `otp`, …
  public var methods: [String]
  public var issuedAt: Date
  public var expiresAt: Date
  /// Whether another service of the platform calls, with a service token.
  public var isService: Bool
  /// The client that the token was issued to; a first-party login has none.
  public var clientID: String?
  /// When the subject authenticated, where the token tells.
  public var authenticatedAt: Date?
  /// How well: `aal1` by one factor, `aal2` by two (NIST SP 800-63B §4).
  public var assurance: String?

  public init(
    subject: String, tokenID: String, sessionID: String? = nil, roles: [String] = [], permissions: [Permission] = [],
    scope: [Permission]? = nil, epoch: Int64 = 0, methods: [String] = [], issuedAt: Date, expiresAt: Date,
    isService: Bool = false, clientID: String? = nil, authenticatedAt: Date? = nil, assurance: String? = nil
  ) {
    self.subject = subject
    self.tokenID = tokenID
    self.sessionID = sessionID
    self.roles = roles
    self.permissions = permissions
    self.scope = scope
    self.epoch = epoch
    self.methods = methods
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
    self.isService = isService
    self.clientID = clientID
    self.authenticatedAt = authenticatedAt
    self.assurance = assurance
  }

  /// The scope by which a token that is limited may still do what its account may do of itself, without a permission:
  /// read its own orders, place one. A client that was only let see who somebody is has no business there.
  public static let accountScope: Permission = "account"

  /// Whether the subject holds `permission` and the token is not limited to less: scope ∩ permission.
  public func may(_ permission: Permission) -> Bool {
    permissions.contains { $0.grants(permission) } && (scope?.contains { $0.grants(permission) } ?? true)
  }

  /// Whether `access` lets this principal in.
  public func satisfies(_ access: Access) -> Bool {
    switch access {
    case .public: true
    case .authenticated: !isService && (scope?.contains(Self.accountScope) ?? true)
    case .permission(let permission): may(permission)
    case .service: isService
    }
  }
}

extension Principal {
  /// Among ``methods`` of a token that an API key was exchanged for; its ``sessionID`` is the key's id.
  public static let apiKeyMethod = "api_key"

  /// What was issued to call with: an API key, or a client of the account; the account itself where it logged in.
  public var credential: String {
    if methods.contains(Self.apiKeyMethod), let sessionID { return "key:\(sessionID)" }
    return clientID.map { "client:\($0):\(subject)" } ?? "subject:\(subject)"
  }

  /// The caller's account.
  /// - Throws: `Problem` 404: a token that was not issued to an account, such as one for a script, has none.
  public var accountID: UUID {
    get throws {
      guard let id = UUID(uuidString: subject) else { throw Problem.notFound("account") }
      return id
    }
  }
}
