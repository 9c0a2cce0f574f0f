import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity

/// Proving again who one is, within a session (RFC 9470): what decides over an account takes more than a token that was
/// left lying about.
struct StepUp: Sendable {
  let core: AuthCore
  let ownAccount: OwnAccount
  let check: CodeCheck
  let passkeys: PasskeySignIn
  let issuer: TokenIssuer

  /// A passkey shows two factors. Without one: where the account has a second factor that is shown, otherwise the password.
  /// Whoever must show two factors showed both when they logged in, and one of them again is what NIST SP 800-63B §2.2.3
  /// asks for within a session.
  func stepUp(
    _ request: StepUpRequest, by principal: Principal, from client: ClientDevice
  ) async throws -> SteppedUp {
    try principal.requireOwnLogin()
    let id = try principal.accountID
    if let passkey = request.passkey {
      let (token, lifetime) = try await issuer.accessToken(for: try await show(passkey, principal, client))
      return SteppedUp(accessToken: token, expiresIn: Int(lifetime))
    }
    let isEnrolled = try await core.read { transaction, _ in try SecondFactorStore(transaction).isEnrolled(id) }
    let session =
      isEnrolled
      ? try await show(request.code, principal, client) : try await show(password: request.password, principal, client)
    let (token, lifetime) = try await issuer.accessToken(for: session)
    return SteppedUp(accessToken: token, expiresIn: Int(lifetime))
  }

  private func show(_ code: String?, _ principal: Principal, _ client: ClientDevice) async throws -> OpenSession {
    guard let code, !code.isEmpty else {
      throw Problem.invalid("code", "required", "is needed: the account has a second factor")
    }
    let id = try principal.accountID
    let mailID = core.newID()
    let session = try await core.write { [check] transaction, now -> OpenSession? in
      try SecondFactorStore(transaction).lock(id)
      guard let account = try AccountStore(transaction).find(id), account.status == .active else {
        throw Problem.notFound("account")
      }
      let verdict = try check.check(code, of: account, from: client, mailID: mailID, transaction, now)
      guard let methods = verdict.methods else { return nil }
      return try authenticate(account, principal, adding: methods, transaction, now)
    }
    guard let session else { throw Self.wrongCode }
    return session
  }

  private func show(
    password: String?, _ principal: Principal, _ client: ClientDevice
  ) async throws -> OpenSession {
    guard let password, !password.isEmpty else {
      throw Problem.invalid("password", "required", "is needed: the account has no second factor")
    }
    let (found, origin) = try await ownAccount.verify(password, field: "password", of: principal, from: client)
    return try await core.write { [ownAccount] transaction, now in
      try ownAccount.attempts.check(origin, transaction, now: now)
      guard let account = try AccountStore(transaction).find(found.id), account.status == .active,
        account.passwordHash == found.passwordHash, try !SecondFactorStore(transaction).isEnrolled(account.id)
      else { throw Problem(409, "conflict", "The account was changed at the same time") }
      try ownAccount.attempts.succeeded(origin, transaction, now: now)
      return try authenticate(account, principal, adding: [], transaction, now)
    }
  }

  static let wrongCode = Problem(
    422, "invalid_code", "The code is wrong or was used before", detail: "Wait for the next code, then try again.",
    errors: [.init(field: "code", code: "wrong", message: "is not a code that is good now")])

  func authenticate(
    _ account: AccountRow, _ principal: Principal, adding methods: [String], _ transaction: any Transaction, _ now: Date
  ) throws -> OpenSession {
    guard
      let row = try SessionStore(transaction).authenticate(
        principal.sessionID.flatMap { UUID(uuidString: $0) }, of: account.id, adding: methods, at: now)
    else { throw Problem.notFound("session") }
    return OpenSession(row: row, subject: try Subject(account, transaction), now: now)
  }
}

extension SessionStore {
  /// Notes in an open session that its owner just authenticated.
  /// - Parameter methods: Besides those by which they did when the session was opened.
  /// - Returns: the session as it is now; nil when it is not open, or is not the account's.
  func authenticate(_ id: UUID?, of account: UUID, adding methods: [String], at now: Date) throws -> SessionRow? {
    guard let id else { return nil }
    try lock(id)
    guard var row = try find(id), row.accountID == account, row.isOpen(at: now) else { return nil }
    row.methods += methods.filter { !row.methods.contains($0) }
    row.authenticatedAt = now
    try setAuthentication(row)
    return row
  }
}

extension Principal {
  /// Whether the token is good still. It was looked at before the body came, which may have taken as long as a request may:
  /// nobody is to plant what an end of all tokens, or of this session, was meant for.
  /// - Throws: `Problem` 401 `token_revoked`.
  func requireUnrevoked(_ transaction: any Transaction) throws {
    let isOld = try AccountStore(transaction).find(accountID).map { $0.epoch > epoch } ?? false
    let session = try sessionID.flatMap { UUID(uuidString: $0) }.flatMap { try SessionStore(transaction).find($0) }
    guard !isOld, session?.revokedAt == nil else { throw Problem.unauthenticated(.revoked) }
  }

  /// For what decides over the account itself. With a second factor where the account has one.
  /// - Throws: `Problem` 401 `insufficient_user_authentication`, whose challenge says what is needed (RFC 9470 §3), or
  ///   `token_revoked`.
  func requireRecentAuthentication(_ core: AuthCore, _ transaction: any Transaction, _ now: Date) throws {
    try requireUnrevoked(transaction)
    let account = try AccountStore(transaction).find(accountID)
    let age = core.configuration.stepUpMaximumAge
    let isEnrolled = try SecondFactorStore(transaction).isEnrolled(accountID)
    let isRecent = authenticatedAt.map { now.timeIntervalSince($0) <= age } ?? false
    guard isRecent, !isEnrolled || assurance == UserAuthentication.secondLevel else {
      throw Problem.insufficientAuthentication(
        maximumAge: age, level: isEnrolled ? UserAuthentication.secondLevel : nil,
        methods: try account.map { try ProofMethod.all(of: $0, core, transaction) } ?? [])
    }
  }
}
