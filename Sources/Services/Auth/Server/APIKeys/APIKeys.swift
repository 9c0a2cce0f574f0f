import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityIdentity

/// Keys by which devices and scripts act for an account. A key is a session that nobody has to refresh: its tokens carry
/// its id as `sid`, so that the blacklist ends them with it.
struct APIKeys: Sendable {
  /// Of one account.
  private static let greatestCount = 100
  /// Seconds between two notes of when a key was used.
  private static let noteInterval: TimeInterval = 60
  static let method = Principal.apiKeyMethod

  let core: AuthCore
  let issuer: TokenIssuer
  let mail: MailQueue
  let revocations: Revocations

  func create(_ request: NewAPIKey, by principal: Principal) async throws -> CreatedAPIKey {
    try principal.requireOwnLogin()
    let account = try principal.accountID
    let scopes = try Self.checked(request, principal, now: core.clock.now())
    let name = PersonName.trimmed(request.name)
    let secret = APIKeySecret(id: core.newID(), secret: core.randomBytes(32))
    let mailID = core.newID()
    return try await core.write { [core, mail] transaction, now in
      guard let owner = try AccountStore(transaction).find(account), owner.status == .active else {
        throw Problem.notFound("account")
      }
      try principal.requireRecentAuthentication(core, transaction, now)
      let store = APIKeyStore(transaction)
      guard try store.count(of: account) < Self.greatestCount else {
        throw Problem(409, "too_many_keys", "There are \(Self.greatestCount) keys already", detail: "Revoke one.")
      }
      let row = APIKeyRow(
        id: secret.id, accountID: account, name: name, hash: secret.hash, scopes: scopes, createdAt: now,
        expiresAt: request.expiresAt?.roundedToMicroseconds)
      try store.insert(row)
      try core.events.record(.apiKeyCreated(account: account, key: row.id), in: transaction)
      // It outlives the session, and the password, of whoever made it.
      if let email = owner.email {
        try mail.request(.apiKeyCreated, to: email, about: account, id: mailID, transaction, now)
      }
      return CreatedAPIKey(key: row.key, secret: secret.text)
    }
  }

  func list(_ request: PageRequest, for principal: Principal) async throws -> Page<APIKey> {
    let limit = try PageLimit.checked(request.limit)
    let account = try principal.accountID
    let before = try request.cursor.map { try $0.id }
    let rows = try await core.read { transaction, _ in
      try APIKeyStore(transaction).list(of: account, before: before, limit: limit + 1)
    }
    return Page(fetched: rows.map(\.key), limit: limit) { Cursor([$0.id.lowercased]) }
  }

  /// Somebody else's is as unknown as one that never was.
  func revoke(_ id: UUID, by principal: Principal) async throws {
    try principal.requireOwnLogin()
    let account = try principal.accountID
    let revoked = try await core.write { [core, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      guard try APIKeyStore(transaction).delete(id, of: account) else { throw Problem.notFound("key") }
      let revoked = [revocations.session(id, now: now)]
      try RevocationStore(transaction).insert(revoked)
      try core.events.record(.apiKeyRevoked(account: account, key: id), in: transaction)
      return revoked
    }
    await revocations.apply(revoked)
  }

  /// Ends all of an account, inside a transaction that ends their tokens with those of the account.
  static func endAll(of account: UUID, _ events: Outbox, _ transaction: any Transaction) throws {
    for key in try APIKeyStore(transaction).deleteAll(of: account) {
      try events.record(.apiKeyRevoked(account: account, key: key), in: transaction)
    }
  }

  static let refusal = Problem(401, "invalid_api_key", "The key is not good")

  /// What a gateway asks for whoever shows a key. Says the same of a key that is malformed, unknown, expired or of an
  /// account that is not active.
  func exchange(_ request: APIKeyExchange) async throws -> APIKeyToken {
    guard let secret = APIKeySecret(request.key) else { throw Self.refusal }
    let found = try await core.read { transaction, now -> (APIKeyRow, Subject, Date)? in
      guard let row = try APIKeyStore(transaction).find(secret.id), ConstantTime.areEqual(row.hash, secret.hash),
        row.expiresAt.map({ $0 > now }) ?? true, let account = try AccountStore(transaction).find(row.accountID),
        account.status == .active
      else { return nil }
      return (row, try Subject(account, transaction), now)
    }
    guard let (row, subject, now) = found else { throw Self.refusal }
    if row.lastUsedAt.map({ now.timeIntervalSince($0) >= Self.noteInterval }) ?? true {
      try await core.write { transaction, now in try APIKeyStore(transaction).touch(row.id, at: now) }
    }
    let (token, lifetime) = try await issuer.token(for: row, subject, now: now)
    return APIKeyToken(accessToken: token, expiresIn: lifetime)
  }

  /// - Throws: `Problem` 422 with everything that is wrong, 403 when a scope is not the owner's.
  private static func checked(_ request: NewAPIKey, _ principal: Principal, now: Date) throws -> [String] {
    var errors = PersonName.errors(in: request.name)
    let scopes = Set(request.scopes).sorted()
    if !(1...100).contains(request.scopes.count) {
      errors.append(.init(field: "scopes", code: "range", message: "must be 1 to 100"))
    }
    for (index, scope) in request.scopes.enumerated()
    where scope != StandardScope.account && !Permission(rawValue: scope).isWellFormed {
      errors.append(.init(field: "scopes.\(index)", code: "format", message: "must be resource:action or account"))
    }
    if let expiresAt = request.expiresAt, expiresAt <= now {
      errors.append(.init(field: "expires_at", code: "past", message: "must be in the future"))
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    try principal.requireHolding(scopes.filter { $0 != StandardScope.account }.map(Permission.init(rawValue:)))
    return scopes
  }
}

extension Principal {
  /// What decides over an account itself is for who logged in, not for a client that was let in, nor for a key: else
  /// each could make itself one that outlives it.
  func requireOwnLogin() throws {
    guard scope == nil, clientID == nil, sessionID != nil else {
      throw Problem(
        403, "login_required", "That takes a login of one's own",
        detail: "Use a token of \(AuthAPI.login.path), not one of a client or of a key.")
    }
  }
}
