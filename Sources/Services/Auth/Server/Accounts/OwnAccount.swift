import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityIdentity

/// What somebody does with their own account.
struct OwnAccount: Sendable {
  let core: AuthCore
  let passwords: Passwords
  let attempts: Attempts
  let revocations: Revocations

  func me(_ principal: Principal) async throws -> Account {
    let id = try principal.accountID
    return try await core.read { transaction, _ in
      let store = AccountStore(transaction)
      guard let row = try store.find(id), row.status != .deleted else { throw Problem.notFound("account") }
      return row.account(roles: try store.roles(of: id))
    }
  }

  func security(_ principal: Principal) async throws -> OwnSecurity {
    let id = try principal.accountID
    return try await core.read { transaction, _ in
      guard let row = try AccountStore(transaction).find(id), row.status != .deleted else {
        throw Problem.notFound("account")
      }
      return OwnSecurity(
        hasPassword: row.passwordHash != nil, hasSecondFactor: try SecondFactorStore(transaction).isEnrolled(id),
        passkeys: try PasskeyStore(transaction).count(of: id))
    }
  }

  /// Ends the other sessions; this one goes on with its refresh token.
  func changePassword(_ request: PasswordChange, of principal: Principal, from client: ClientDevice) async throws {
    let session = principal.sessionID.flatMap { UUID(uuidString: $0) }
    let (account, origin) = try await confirm(request.currentPassword, of: principal, from: client)
    let id = account.id
    let errors = PasswordPolicy.errors(
      in: request.newPassword, email: account.email, name: account.name, field: "new_password")
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    let hash = try await passwords.hash(request.newPassword)
    let revoked = try await core.write { [core, revocations, attempts] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      guard let current = try AccountStore(transaction).find(id), current.passwordHash == account.passwordHash else {
        throw Problem(409, "conflict", "The password was changed at the same time")
      }
      try attempts.check(origin, transaction, now: now)
      return try revocations.replacePassword(
        of: current, with: hash, keeping: session, core.events, transaction, now)
    }
    await revocations.apply(revoked)
  }

  /// Checks that whoever bears the token also knows the password: a stolen token must not be a way to guess it without
  /// being slowed down. And that they authenticated recently, by all factors that the account has, themselves or at an
  /// app of the platform's own.
  /// - Returns: the account as it was before the password was checked, and what to check again when it is changed.
  func confirm(
    _ password: String, of principal: Principal, from client: ClientDevice
  ) async throws -> (AccountRow, Attempts.Origin) {
    try await core.read { [core] transaction, now in
      try principal.requireOwnApp(transaction)
      try principal.requireRecentAuthentication(core, transaction, now)
    }
    return try await verify(password, field: "current_password", of: principal, from: client)
  }

  /// The same without a look at when they authenticated before.
  func verify(
    _ password: String, field: String, of principal: Principal, from client: ClientDevice
  ) async throws -> (AccountRow, Attempts.Origin) {
    let id = try principal.accountID
    let found = try await core.read { transaction, _ in try AccountStore(transaction).find(id) }
    guard let account = found, let email = account.email, account.status == .active else {
      throw Problem.notFound("account")
    }
    let origin = attempts.origin(email: email, address: client.address)
    try await core.read { [attempts] transaction, now in try attempts.check(origin, transaction, now: now) }
    guard try await passwords.verify(password, against: account.passwordHash).matches else {
      try await core.write { [attempts] transaction, now in
        try attempts.check(origin, transaction, now: now)
        try attempts.failed(origin, transaction, now: now)
      }
      throw Problem(
        422, "invalid_credentials", "The current password is wrong",
        errors: [.init(field: field, code: "wrong", message: "is not the current password")])
    }
    return (account, origin)
  }
}

extension Revocations {
  /// A new password, or none any more, ends every other session, and every token issued until now.
  func replacePassword(
    of account: AccountRow, with hash: String?, keeping session: UUID?, _ events: Outbox,
    _ transaction: any Transaction, _ now: Date
  ) throws -> [Revocation] {
    var account = account
    account.passwordHash = hash
    account.epoch += 1
    _ = try AccountStore(transaction).update(account, at: now)
    try OneTimeTokenStore(transaction).deleteAll(of: account.id, for: .recovery)
    // Whoever wanted another address knew a password that is none any more.
    try OneTimeTokenStore(transaction).deleteAll(of: account.id, for: .emailChange)
    try MailRequestStore(transaction).deleteAll(of: account.id, .emailChange)
    let bump = subject(account.id, epoch: account.epoch, now: now)
    try RevocationStore(transaction).insert([bump])
    try events.record(.passwordChanged(account: account.id), in: transaction)
    return try endSessions(of: account.id, besides: session, events, transaction, now) + [bump]
  }
}
