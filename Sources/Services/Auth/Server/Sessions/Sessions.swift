import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityIdentity
import Logging

/// Listing sessions and ending them.
struct Sessions: Sendable {
  let core: AuthCore
  let store: any TokenStore
  let revocations: Revocations

  func list(_ request: PageRequest, for principal: Principal) async throws -> Page<Session> {
    try await list(request, of: try principal.accountID, for: principal)
  }

  /// Those of any account.
  func list(_ request: PageRequest, of account: UUID, for principal: Principal) async throws -> Page<Session> {
    let limit = try PageLimit.checked(request.limit)
    let before = try request.cursor.map { try $0.id }
    let rows = try await core.read { transaction, now in
      try SessionStore(transaction).open(of: account, before: before, limit: limit + 1, now: now)
    }
    let seen = (try? await store.lastSeen(sessions: rows.map(\.id.lowercased))) ?? [:]
    let sessions = rows.map { row in
      Session(
        id: row.id, userAgent: row.userAgent, address: row.address, createdAt: row.createdAt,
        lastSeenAt: max(row.rotatedAt, seen[row.id.lowercased] ?? row.rotatedAt).roundedToMicroseconds,
        expiresAt: min(row.idleExpiresAt, row.expiresAt), current: row.id.lowercased == principal.sessionID,
        clientID: row.clientID)
    }
    return Page(fetched: sessions, limit: limit) { Cursor([$0.id.lowercased]) }
  }

  /// Ends the token, and its session if it has one.
  func logout(_ principal: Principal) async throws {
    let account = UUID(uuidString: principal.subject)
    let session = principal.sessionID.flatMap { UUID(uuidString: $0) }
    let token = revocations.token(principal.tokenID, expiresAt: principal.expiresAt)
    let revoked = try await core.write { [core, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      var revoked = [token]
      if let account, let session, try SessionStore(transaction).revoke(session, of: account, at: now) {
        revoked.append(revocations.session(session, now: now))
        try core.events.record(.sessionRevoked(account: account, session: session), in: transaction)
      }
      try RevocationStore(transaction).insert(revoked)
      return revoked
    }
    await revocations.apply(revoked)
  }

  /// Ends one of the caller's sessions. Somebody else's is as unknown as one that never was.
  func revoke(_ id: UUID, by principal: Principal) async throws {
    let account = try principal.accountID
    let revoked = try await core.write { [core, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      try principal.requireOwnApp(transaction)
      guard try SessionStore(transaction).revoke(id, of: account, at: now) else { throw Problem.notFound("session") }
      try Unfinished.end(of: account, transaction)
      let revoked = [revocations.session(id, now: now)]
      try RevocationStore(transaction).insert(revoked)
      try core.events.record(.sessionRevoked(account: account, session: id), in: transaction)
      return revoked
    }
    await revocations.apply(revoked)
  }

  /// Ends the caller's other sessions.
  func revokeOthers(_ principal: Principal) async throws {
    let (account, current) = (try principal.accountID, principal.sessionID.flatMap { UUID(uuidString: $0) })
    let revoked = try await core.write { [core, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      try principal.requireOwnApp(transaction)
      return try revocations.endSessions(of: account, besides: current, core.events, transaction, now)
    }
    await revocations.apply(revoked)
  }

  /// Ends all of the caller's sessions, and every token that was issued to them until now.
  func logoutEverywhere(_ principal: Principal) async throws {
    let account = try principal.accountID
    let revoked = try await core.write { [core, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      try principal.requireOwnApp(transaction)
      let store = AccountStore(transaction)
      guard var row = try store.find(account) else { throw Problem.notFound("account") }
      row.epoch += 1
      row = try store.update(row, at: now)
      let bump = revocations.subject(account, epoch: row.epoch, now: now)
      try RevocationStore(transaction).insert([bump])
      return try revocations.endSessions(of: account, besides: nil, core.events, transaction, now) + [bump]
    }
    await revocations.apply(revoked)
  }
}

extension Revocations {
  /// Ends the open sessions of an account, and what is unfinished of them, inside a transaction.
  func endSessions(
    of account: UUID, besides session: UUID?, _ events: Outbox, _ transaction: any Transaction,
    _ now: Date
  ) throws -> [Revocation] {
    try Unfinished.end(of: account, transaction)
    let ended = try SessionStore(transaction).revokeAll(of: account, besides: session, at: now)
    let revoked = ended.map { self.session($0, now: now) }
    try RevocationStore(transaction).insert(revoked)
    for id in ended { try events.record(.sessionRevoked(account: account, session: id), in: transaction) }
    return revoked
  }
}
