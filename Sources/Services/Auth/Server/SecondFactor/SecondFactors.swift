import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityHTTP
import GravityIdentity

/// Turning an account's second factor on and off.
struct SecondFactors: Sendable {
  let core: AuthCore
  let envelope: Envelope
  let check: CodeCheck
  let mail: MailQueue
  let revocations: Revocations

  /// Seconds for which a secret waits for its first code.
  static let enrolmentLifetime: TimeInterval = 600

  func status(_ principal: Principal) async throws -> SecondFactorStatus {
    let id = try principal.accountID
    return try await core.read { transaction, _ in
      let store = SecondFactorStore(transaction)
      let confirmedAt = try store.find(id)?.confirmedAt
      return SecondFactorStatus(
        enabled: confirmedAt != nil, enrolledAt: confirmedAt, recoveryCodesLeft: try store.recoveryCodesLeft(of: id))
    }
  }

  func enrol(_ principal: Principal) async throws -> TOTPEnrolment {
    try principal.requireOwnLogin()
    let id = try principal.accountID
    let password = OneTimePassword(secret: core.randomBytes(OneTimePassword.secretSize))
    let sealed = try envelope.seal(password.secret, context: CodeCheck.context(id))
    return try await core.write { [core] transaction, now in
      let store = SecondFactorStore(transaction)
      try store.lock(id)
      guard let account = try AccountStore(transaction).find(id), account.status == .active else {
        throw Problem.notFound("account")
      }
      // Whoever found a token must not lock the owner out with a factor of their own.
      try principal.requireRecentAuthentication(core, transaction, now)
      let expiresAt = (now + Self.enrolmentLifetime).roundedToMicroseconds
      guard try store.put(TOTPRow(accountID: id, secret: sealed, createdAt: now, expiresAt: expiresAt)) else {
        throw Problem(
          409, "already_enrolled", "The account has a second factor", detail: "Remove it first, to use another app.")
      }
      return TOTPEnrolment(
        secret: Base32.encoded(password.secret),
        uri: password.uri(issuer: core.configuration.displayName, account: account.email ?? account.name),
        expiresAt: expiresAt)
    }
  }

  private enum Confirmation: Sendable {
    case confirmed([Revocation])
    case wrong
  }

  /// It takes no recent authentication: only whoever enrolled, and showed that then, knows the secret.
  ///
  /// The sessions that were opened without the factor end; this one goes on as if it had been opened with it.
  func confirm(_ request: OneTimeCode, by principal: Principal, from client: ClientDevice) async throws -> RecoveryCodes
  {
    try principal.requireOwnLogin()
    let id = try principal.accountID
    let session = principal.sessionID.flatMap { UUID(uuidString: $0) }
    let codes = newCodes()
    let mailID = core.newID()
    let outcome = try await core.write { [core, check] transaction, now -> Confirmation in
      try RevocationStore(transaction).expectToRevoke()
      let store = SecondFactorStore(transaction)
      try store.lock(id)
      try principal.requireUnrevoked(transaction)
      let origin = check.attempts.origin(secondFactorOf: id, address: client.address)
      try check.attempts.check(origin, transaction, now: now)
      guard let account = try AccountStore(transaction).find(id), account.status == .active,
        let row = try store.find(id), row.confirmedAt == nil, row.expiresAt.map({ $0 > now }) ?? false
      else {
        throw Problem(
          409, "not_enrolling", "There is no secret that waits for its first code",
          detail: "Ask for one at \(AuthAPI.enrolTOTP.path).")
      }
      guard let digits = OneTimePassword.normalized(request.code), let step = try check.step(of: digits, row, now),
        try store.use(step: step, of: id)
      else {
        try check.attempts.failed(origin, transaction, now: now)
        return .wrong
      }
      try check.attempts.succeeded(origin, transaction, now: now)
      try store.confirm(id, at: now)
      try store.replaceRecoveryCodes(of: id, with: codes.map { $0.hash(for: id, core.masterKey) })
      guard
        try SessionStore(transaction).authenticate(
          session, of: id, adding: CodeCheck.Verdict.authenticator.methods ?? [], at: now) != nil
      else { throw Problem.unauthenticated(.revoked) }
      try core.events.record(.secondFactorEnrolled(account: id), in: transaction)
      try tell(.secondFactorAdded, account, mailID, transaction, now)
      return .confirmed(
        try revocations.endSessions(of: id, besides: session, core.events, transaction, now))
    }
    guard case .confirmed(let revoked) = outcome else { throw StepUp.wrongCode }
    await revocations.apply(revoked)
    return RecoveryCodes(codes: codes.map(\.text))
  }

  /// The sessions that were opened with it end, but this one.
  func remove(by principal: Principal) async throws {
    try principal.requireOwnLogin()
    let id = try principal.accountID
    let session = principal.sessionID.flatMap { UUID(uuidString: $0) }
    let mailID = core.newID()
    let revoked = try await core.write { [core, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      try SecondFactorStore(transaction).lock(id)
      guard let account = try AccountStore(transaction).find(id), account.status == .active else {
        throw Problem.notFound("account")
      }
      try principal.requireRecentAuthentication(core, transaction, now)
      try take(from: account, by: id, mailID, transaction, now)
      return try revocations.endSessions(of: id, besides: session, core.events, transaction, now)
    }
    await revocations.apply(revoked)
  }

  func renewRecoveryCodes(by principal: Principal) async throws -> RecoveryCodes {
    try principal.requireOwnLogin()
    let id = try principal.accountID
    let codes = newCodes()
    try await core.write { [core] transaction, now in
      let store = SecondFactorStore(transaction)
      try store.lock(id)
      try principal.requireRecentAuthentication(core, transaction, now)
      guard try store.isEnrolled(id) else { throw Self.notEnrolled }
      try store.replaceRecoveryCodes(of: id, with: codes.map { $0.hash(for: id, core.masterKey) })
    }
    return RecoveryCodes(codes: codes.map(\.text))
  }

  /// By an administrator, for somebody who lost it. Every session ends, and every token that was issued until now.
  func reset(_ id: UUID, by principal: Principal) async throws {
    let mailID = core.newID()
    let revoked = try await core.write { [core, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      try SecondFactorStore(transaction).lock(id)
      let store = AccountStore(transaction)
      guard var account = try store.find(id), account.status != .deleted else { throw Problem.notFound("account") }
      // Nobody acts on those who have more; and one's own factor goes only with that factor.
      try principal.requireHolding(try RoleStore(transaction).find(store.roles(of: id)).flatMap(\.permissions))
      if principal.subject == id.lowercased { try principal.requireRecentAuthentication(core, transaction, now) }
      let actor = UUID(uuidString: principal.subject)
      // Somebody else may have added them, or have what was lost.
      let passkeys = try PasskeyStore(transaction).deleteAll(of: id)
      for passkey in passkeys {
        try core.events.record(.passkeyRemoved(account: id, passkey: passkey, by: actor), in: transaction)
      }
      if try passkeys.isEmpty || SecondFactorStore(transaction).find(id) != nil {
        try take(from: account, by: actor, mailID, transaction, now)
      } else {
        try tell(.passkeyRemoved, account, mailID, transaction, now)
      }
      account.epoch += 1
      account = try store.update(account, at: now)
      let bump = revocations.subject(id, epoch: account.epoch, now: now)
      try RevocationStore(transaction).insert([bump])
      return try revocations.endSessions(of: id, besides: nil, core.events, transaction, now) + [bump]
    }
    await revocations.apply(revoked)
  }

  private static let notEnrolled = Problem(409, "not_enrolled", "The account has no second factor")

  private func take(
    from account: AccountRow, by actor: UUID?, _ mailID: UUID, _ transaction: any Transaction, _ now: Date
  ) throws {
    guard try SecondFactorStore(transaction).deleteAll(of: account.id) else { throw Self.notEnrolled }
    try ChallengeStore(transaction).deleteAll(of: account.id)
    try core.events.record(.secondFactorRemoved(account: account.id, by: actor), in: transaction)
    try tell(.secondFactorRemoved, account, mailID, transaction, now)
  }

  private func tell(
    _ kind: AuthMessage.Kind, _ account: AccountRow, _ id: UUID, _ transaction: any Transaction, _ now: Date
  ) throws {
    guard let email = account.email else { return }
    try mail.request(kind, to: email, about: account.id, id: id, transaction, now)
  }

  private func newCodes() -> [RecoveryCode] {
    (0..<RecoveryCode.count).map { _ in RecoveryCode(core.randomBytes(RecoveryCode.size)) }
  }
}
