import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// What administrators see of the safety of accounts, and how they end sessions that are not their own.
struct AccountSecurityAdministration: Sendable {
  let core: AuthCore
  let attempts: Attempts
  let sessions: Sessions
  let revocations: Revocations

  func find(_ id: UUID) async throws -> AccountSecurity {
    try await core.read { [core, attempts] transaction, now in
      let account = try Self.existing(id, transaction)
      let failures = try account.email.flatMap { try attempts.failures(email: $0, transaction, now: now) }
      return AccountSecurity(
        emailVerified: account.emailVerified, hasPassword: account.passwordHash != nil,
        hasSecondFactor: try SecondFactorStore(transaction).isEnrolled(id),
        passkeys: try PasskeyStore(transaction).count(of: id),
        stepUpMethods: try ProofMethod.all(of: account, core, transaction),
        openSessions: try SessionStore(transaction).countOpen(of: id, now: now),
        failedLogins: failures?.failures ?? 0,
        blockedUntil: failures?.blockedUntil.flatMap { $0 > now ? $0 : nil },
        apiKeys: try APIKeyStore(transaction).list(of: id, before: nil, limit: 100).map(\.key),
        consents: try ConsentStore(transaction).count(of: id),
        changes: try AccountChangeStore(transaction).list(of: id))
    }
  }

  func sessions(_ query: AccountSessionsQuery, for principal: Principal) async throws -> Page<Session> {
    _ = try await core.read { transaction, _ in try Self.existing(query.id, transaction) }
    return try await sessions.list(
      PageRequest(limit: query.limit, cursor: query.cursor), of: query.id, for: principal)
  }

  func revoke(_ request: AccountSessionID, by principal: Principal) async throws {
    let revoked = try await core.write { [core, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      _ = try Self.governed(request.id, by: principal, transaction)
      guard try SessionStore(transaction).revoke(request.session, of: request.id, at: now) else {
        throw Problem.notFound("session")
      }
      try Unfinished.end(of: request.id, transaction)
      let revoked = [revocations.session(request.session, now: now)]
      try RevocationStore(transaction).insert(revoked)
      try core.events.record(.sessionRevoked(account: request.id, session: request.session), in: transaction)
      try note(1, of: request.id, by: principal, transaction, now)
      return revoked
    }
    await revocations.apply(revoked)
  }

  /// Also the tokens that sessions which ended by themselves may have left.
  func revokeAll(of id: UUID, by principal: Principal) async throws {
    let revoked = try await core.write { [core, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      var row = try Self.governed(id, by: principal, transaction)
      row.epoch += 1
      row = try AccountStore(transaction).update(row, at: now)
      let bump = revocations.subject(id, epoch: row.epoch, now: now)
      try RevocationStore(transaction).insert([bump])
      let ended = try revocations.endSessions(of: id, besides: nil, core.events, transaction, now)
      try note(ended.count, of: id, by: principal, transaction, now)
      return ended + [bump]
    }
    await revocations.apply(revoked)
  }

  func roleHolders() async throws -> RoleHolderCounts {
    try await core.read { transaction, _ in
      let accounts = AccountStore(transaction)
      return RoleHolderCounts(
        items: try RoleStore(transaction).all().map { role in
          let count = try accounts.holders(of: role.name, atMost: Self.greatestCount + 1)
          return RoleHolderCount(
            role: role.name, count: min(count, Self.greatestCount), hasMore: count > Self.greatestCount)
        })
    }
  }

  private static let greatestCount = 10_000

  private func note(
    _ count: Int, of account: UUID, by principal: Principal, _ transaction: any Transaction, _ now: Date
  ) throws {
    try AccountChangeStore(transaction).insert(
      AccountChange(
        id: core.newID(), kind: .sessionsRevoked, before: nil, after: "\(count)", reason: nil, by: principal.subject,
        at: now), of: account)
  }

  private static func existing(_ id: UUID, _ transaction: any Transaction) throws -> AccountRow {
    guard let row = try AccountStore(transaction).find(id) else { throw Problem.notFound("account") }
    return row
  }

  /// Nobody acts on those who have more.
  private static func governed(
    _ id: UUID, by principal: Principal, _ transaction: any Transaction
  ) throws -> AccountRow {
    let row = try existing(id, transaction)
    let roles = try AccountStore(transaction).roles(of: id)
    try principal.requireHolding(try RoleStore(transaction).find(roles).flatMap(\.permissions))
    return row
  }
}

extension Attempts {
  /// What counts against an account from where nobody logged in to it before.
  func failures(email: String, _ transaction: any Transaction, now: Date) throws -> AttemptRow? {
    try AttemptStore(transaction).find(origin(email: email, address: "").account, now: now)
  }
}
