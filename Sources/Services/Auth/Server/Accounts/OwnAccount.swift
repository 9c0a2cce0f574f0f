import AuthAPI
import Foundation
import GravityContracts
import GravityData
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

  /// Ends the other sessions; this one goes on with its refresh token.
  func changePassword(_ request: PasswordChange, of principal: Principal, from client: ClientDevice) async throws {
    let id = try principal.accountID
    let session = principal.sessionID.flatMap { UUID(uuidString: $0) }
    let found = try await core.read { transaction, _ in try AccountStore(transaction).find(id) }
    guard let account = found, let email = account.email, account.status == .active else {
      throw Problem.notFound("account")
    }
    // A stolen access token must not be a way to guess the password without being slowed down.
    let origin = attempts.origin(email: email, address: client.address)
    try await core.read { [attempts] transaction, now in try attempts.check(origin, transaction, now: now) }
    guard try await passwords.verify(request.currentPassword, against: account.passwordHash).matches else {
      try await core.write { [attempts] transaction, now in
        try attempts.check(origin, transaction, now: now)
        try attempts.failed(origin, transaction, now: now)
      }
      throw Problem(
        422, "invalid_credentials", "The current password is wrong",
        errors: [.init(field: "current_password", code: "wrong", message: "is not the current password")])
    }
    let errors = PasswordPolicy.errors(
      in: request.newPassword, email: email, name: account.name, field: "new_password")
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
}

extension Revocations {
  /// A new password ends every other session, and every token issued until now.
  func replacePassword(
    of account: AccountRow, with hash: String, keeping session: UUID?, _ events: any AuthEventRecorder,
    _ transaction: any Transaction, _ now: Date
  ) throws -> [Revocation] {
    var account = account
    account.passwordHash = hash
    account.epoch += 1
    _ = try AccountStore(transaction).update(account, at: now)
    try OneTimeTokenStore(transaction).deleteAll(of: account.id, for: .recovery)
    let bump = subject(account.id, epoch: account.epoch, now: now)
    try RevocationStore(transaction).insert([bump])
    try events.record(.passwordChanged(account: account.id), in: transaction)
    return try endSessions(of: account.id, besides: session, events, transaction, now) + [bump]
  }
}
