import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// Credentials → a session and its tokens. A known and an unknown address take the same time and get the same answer.
struct Login: Sendable {
  let core: AuthCore
  let passwords: Passwords
  let attempts: Attempts
  let issuer: TokenIssuer
  let challenges: SecondFactorChallenges

  func login(_ credentials: Credentials, from client: ClientDevice) async throws -> Tokens {
    let verified = try await verify(credentials, from: client)
    let (id, challenge) = (core.newID(), challenges.newToken())
    let session = try await core.write { transaction, now -> OpenSession? in
      switch try admit(verified, transaction, now) {
      case .account(let account):
        return try open(
          id, account, .init(methods: [UserAuthentication.password], at: now), client, transaction, now)
      case .secondFactor(let account):
        try challenges.issue(challenge, .login, for: account, transaction, now)
        return nil
      }
    }
    guard let session else { throw SecondFactorChallenges.required(challenge) }
    return try await issuer.tokens(for: session)
  }

  /// A login whose password was right goes on with its second factor.
  func complete(_ request: SecondFactorLogin, from client: ClientDevice) async throws -> Tokens {
    let (id, mailID) = (core.newID(), core.newID())
    let (session, problem) = try await core.write { transaction, now -> (OpenSession?, Problem?) in
      switch try challenges.redeem(
        request.challenge, request.code, .login, from: client, mailID: mailID, transaction, now)
      {
      case .accepted(let account, let authentication):
        try remember(account, from: client, transaction, now)
        return (try open(id, account, authentication, client, transaction, now), nil)
      case .wrongCode: return (nil, SecondFactorChallenges.wrongCode)
      case .refused: return (nil, SecondFactorChallenges.refusal)
      }
    }
    guard let session else { throw problem ?? SecondFactorChallenges.refusal }
    return try await issuer.tokens(for: session)
  }

  /// An account whose password was right a moment ago.
  struct Verified: Sendable {
    fileprivate var account: AccountRow
    fileprivate var origin: Attempts.Origin
  }

  func verify(_ credentials: Credentials, from client: ClientDevice) async throws -> Verified {
    // What is no address has no account; it is treated like one that has none.
    let email = EmailAddress(credentials.email)?.text ?? "\0" + credentials.email.prefix(254)
    let origin = attempts.origin(email: email, address: client.address)
    let account = try await core.read { [attempts] transaction, now in
      try attempts.check(origin, transaction, now: now)
      return email.hasPrefix("\0") ? nil : try AccountStore(transaction).find(email: email)
    }
    let verdict = try await passwords.verify(credentials.password, against: account?.passwordHash)
    guard verdict.matches, let account else {
      try await fail(origin, account?.id)
      throw Self.refusal
    }
    if verdict.needsRehash { await rehash(account, credentials.password) }
    return Verified(account: account, origin: origin)
  }

  /// Whom a password that was right lets in: the account as it is now, not as it was before the password was checked.
  enum Admission: Sendable {
    case account(AccountRow)
    /// Not before its second factor was shown.
    case secondFactor(AccountRow)
  }

  /// Lets them in, inside the transaction that opens a session.
  func admit(_ verified: Verified, _ transaction: any Transaction, _ now: Date) throws -> Admission {
    try attempts.check(verified.origin, transaction, now: now)
    guard let account = try AccountStore(transaction).find(verified.account.id),
      account.email == verified.account.email, account.epoch == verified.account.epoch
    else { throw Self.refusal }
    try Self.requireActive(account)
    if try SecondFactorStore(transaction).isEnrolled(account.id) { return .secondFactor(account) }
    try attempts.succeeded(verified.origin, transaction, now: now)
    return .account(account)
  }

  /// What a login with a second factor forgets and remembers about attempts once it is whole.
  func remember(
    _ account: AccountRow, from client: ClientDevice, _ transaction: any Transaction, _ now: Date
  ) throws {
    guard let email = account.email else { return }
    try attempts.succeeded(attempts.origin(email: email, address: client.address), transaction, now: now)
  }

  static let refusal = Problem(401, "invalid_credentials", "Wrong address or password")

  private func fail(_ origin: Attempts.Origin, _ account: UUID?) async throws {
    try await core.write { [core, attempts] transaction, now in
      // Guesses that were on their way together do not each get an answer.
      try attempts.check(origin, transaction, now: now)
      try attempts.failed(origin, transaction, now: now)
      try core.events.record(.loginFailed(account: account), in: transaction)
    }
  }

  func open(
    _ id: UUID, _ account: AccountRow, _ authentication: UserAuthentication, _ client: ClientDevice,
    _ transaction: any Transaction, _ now: Date
  ) throws -> OpenSession {
    let token = RefreshToken(session: id, counter: 0, masterKey: core.masterKey)
    let row = SessionRow(
      id: id, accountID: account.id, counter: token.counter, tokenHash: token.hash, client: client,
      authentication: authentication, createdAt: now,
      idleExpiresAt: (now + core.configuration.sessionIdleLifetime).roundedToMicroseconds,
      expiresAt: (now + core.configuration.sessionLifetime).roundedToMicroseconds)
    try SessionStore(transaction).insert(row)
    try core.events.record(.loginSucceeded(account: account.id, session: id), in: transaction)
    return OpenSession(row: row, refreshToken: token, subject: try Subject(account, transaction), now: now)
  }

  /// Only whoever knows the password is told.
  private static func requireActive(_ account: AccountRow) throws {
    switch account.status {
    case .active: return
    case .unverified: throw Problem(403, "email_unverified", "The e-mail address is not verified yet")
    case .suspended: throw Problem(403, "account_suspended", "The account is suspended")
    case .deleted: throw refusal
    }
  }

  /// A better hash can wait for the next login.
  private func rehash(_ account: AccountRow, _ password: String) async {
    guard let old = account.passwordHash, let new = try? await passwords.hash(password) else { return }
    try? await core.write { transaction, _ in try AccountStore(transaction).rehash(account.id, from: old, to: new) }
  }
}
