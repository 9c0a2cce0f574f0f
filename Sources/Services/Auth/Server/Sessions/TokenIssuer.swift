import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Logging

/// An account with what its roles grant, read in one transaction.
struct Subject: Sendable {
  var account: AccountRow
  var roles: [String]
  var permissions: [Permission]
  var policyVersion: Int64

  init(_ account: AccountRow, _ transaction: any Transaction) throws {
    self.account = account
    roles = try AccountStore(transaction).roles(of: account.id)
    let store = RoleStore(transaction)
    let granted = try store.find(roles).flatMap(\.permissions)
    permissions = Set(granted).sorted { $0.rawValue < $1.rawValue }
    policyVersion = try store.policyVersion()
  }
}

/// A session as it stands after a login or a refresh, from which tokens are issued.
struct OpenSession: Sendable {
  var row: SessionRow
  /// nil where the client did not ask for one.
  var refreshToken: RefreshToken?
  /// What the access token is limited to; nil is no limit.
  var scopes: [String]?
  var subject: Subject
  var now: Date
}

/// Signs access tokens and keeps their metadata in the token store.
struct TokenIssuer: Sendable {
  let core: AuthCore
  let keys: SigningKeys
  let store: any TokenStore

  /// Of a first-party login.
  func tokens(for session: OpenSession) async throws -> Tokens {
    let (accessToken, lifetime) = try await accessToken(for: session)
    return Tokens(
      accessToken: accessToken, expiresIn: Int(lifetime), refreshToken: session.refreshToken?.text ?? "",
      refreshExpiresIn: max(0, Int(session.row.idleExpiresAt.timeIntervalSince(session.now))))
  }

  /// Of a session that a client got; with an ID token where its scope has `openid`.
  func reply(for session: OpenSession, to client: ClientRow, nonce: String?) async throws -> TokenReply {
    let (accessToken, lifetime) = try await accessToken(for: session)
    let scopes = session.scopes ?? client.scopes
    var idToken: String?
    if scopes.contains(StandardScope.openID) {
      let claims = IDToken(
        issuer: core.configuration.issuer, client: client.id, session: session.row, nonce: nonce,
        accessToken: accessToken, issuedAt: core.clock.now(), lifetime: lifetime)
      idToken = try await keys.signer().sign(claims, type: "JWT")
    }
    return TokenReply(
      accessToken: accessToken, expiresIn: Int(lifetime), scope: OAuthScope.text(scopes),
      refreshToken: session.refreshToken?.text, idToken: idToken)
  }

  func accessToken(for session: OpenSession) async throws -> (token: String, lifetime: TimeInterval) {
    let (row, subject) = (session.row, session.subject)
    let issuedAt = core.clock.now()
    let lifetime = min(core.configuration.accessTokenLifetime, row.expiresAt.timeIntervalSince(session.now))
    let claims = TokenClaims(
      issuer: core.configuration.issuer, subject: subject.account.id.lowercased,
      audience: [core.configuration.audience], issuedAt: issuedAt, expiresAt: issuedAt + lifetime,
      tokenID: core.newID().lowercased, sessionID: row.id.lowercased, roles: subject.roles,
      permissions: subject.permissions, scope: session.scopes.map { $0.map(Permission.init(rawValue:)) },
      epoch: subject.account.epoch, methods: row.methods, policyVersion: subject.policyVersion,
      clientID: row.clientID?.lowercased, authenticatedAt: row.toldAuthentication,
      assurance: UserAuthentication.assurance(of: row.methods))
    let token = try await keys.signer().sign(claims)
    await keep(claims, usedAt: issuedAt, sessionEnd: row.idleExpiresAt)
    return (token, lifetime)
  }

  /// A token by which a client speaks for itself: all that it may do is its scope.
  func token(
    for client: ClientRow, scopes: [String], audience: String
  ) async throws -> (token: String, lifetime: Int) {
    let issuedAt = core.clock.now()
    let permissions = scopes.map(Permission.init(rawValue:))
    let claims = TokenClaims(
      issuer: core.configuration.issuer, subject: client.id.lowercased, audience: [audience],
      issuedAt: issuedAt, expiresAt: issuedAt + core.configuration.accessTokenLifetime,
      tokenID: core.newID().lowercased, permissions: permissions, scope: permissions, epoch: client.epoch,
      clientID: client.id.lowercased)
    return (try await keys.signer().sign(claims), Int(core.configuration.accessTokenLifetime))
  }

  /// A token by which a key acts for its owner.
  func token(for key: APIKeyRow, _ subject: Subject, now: Date) async throws -> (token: String, lifetime: Int) {
    let issuedAt = core.clock.now()
    let rest = key.expiresAt?.timeIntervalSince(now) ?? .infinity
    let lifetime = min(core.configuration.accessTokenLifetime, max(1, rest))
    let claims = TokenClaims(
      issuer: core.configuration.issuer, subject: subject.account.id.lowercased,
      audience: [core.configuration.audience], issuedAt: issuedAt, expiresAt: issuedAt + lifetime,
      tokenID: core.newID().lowercased, sessionID: key.id.lowercased, roles: subject.roles,
      permissions: subject.permissions, scope: key.scopes.map(Permission.init(rawValue:)),
      epoch: subject.account.epoch, methods: [APIKeys.method], policyVersion: subject.policyVersion,
      assurance: UserAuthentication.assurance(of: [APIKeys.method]))
    return (try await keys.signer().sign(claims), Int(lifetime))
  }

  /// A token that belongs to no session.
  func mint(
    subject: String, permissions: [Permission], roles: [String], lifetime: TimeInterval
  ) async throws -> String {
    let longest = core.configuration.longestTokenLifetime
    guard lifetime >= 1, lifetime <= longest else {
      throw Problem.invalid("ttl", "range", "must be from 1 to \(Int(longest)) seconds")
    }
    guard (1...255).contains(subject.utf8.count) else {
      throw Problem.invalid("sub", "length", "must be 1 to 255 bytes")
    }
    guard permissions.allSatisfy(\.isWellFormed) else {
      throw Problem.invalid("permission", "format", "must be resource:action")
    }
    // Of the epoch that the account is in, so that it is not refused from the start, and is with the next one.
    let account = UUID(uuidString: subject)
    let epoch = try await core.read { transaction, _ in
      try account.flatMap { try AccountStore(transaction).find($0)?.epoch } ?? 0
    }
    let issuedAt = core.clock.now()
    return try await keys.signer().sign(
      TokenClaims(
        issuer: core.configuration.issuer, subject: account?.lowercased ?? subject,
        audience: [core.configuration.audience], issuedAt: issuedAt, expiresAt: issuedAt + lifetime,
        tokenID: core.newID().lowercased, roles: roles, permissions: permissions, epoch: epoch))
  }

  /// The store is a cache here: when it is away, people can still log in.
  private func keep(_ claims: TokenClaims, usedAt time: Date, sessionEnd: Date) async {
    do {
      try await store.record(
        IssuedToken(
          id: claims.tokenID, subject: claims.subject, sessionID: claims.sessionID, issuedAt: claims.issuedAt,
          expiresAt: claims.expiresAt))
      if let session = claims.sessionID { try await store.touch(session: session, at: time, expiresAt: sessionEnd) }
    } catch {
      core.logger.warning("the token store did not take a token", metadata: ["error.message": "\(error)"])
    }
  }
}
