import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Logging

/// A refresh token → its successor and a new access token. One session is one family: an old token that comes again
/// was stolen, from the client or by it, so the family ends.
struct Refresh: Sendable {
  let core: AuthCore
  let issuer: TokenIssuer
  let revocations: Revocations

  private enum Outcome: Sendable {
    case open(OpenSession)
    case reused([Revocation])
    case refused
  }

  /// Of a first-party login.
  func refresh(_ request: RefreshRequest, from client: ClientDevice) async throws -> Tokens {
    try await issuer.tokens(for: try await open(request.refreshToken, of: nil, scope: nil, from: client))
  }

  /// - Parameters:
  ///   - clientID: Whose session it has to be.
  ///   - scope: What the access token is to be limited to: not more than the session is.
  func open(
    _ text: String, of clientID: UUID?, scope: String?, from device: ClientDevice
  ) async throws -> OpenSession {
    // One that was not issued here says nothing about any session: it cannot be used to end one.
    guard let token = RefreshToken(text, masterKey: core.masterKey) else { throw Self.refusal }
    let outcome = try await core.write { transaction, now in
      try rotate(token, of: clientID, scope, device, transaction, now)
    }
    switch outcome {
    case .open(let session): return session
    case .refused: throw Self.refusal
    case .reused(let revoked):
      await revocations.apply(revoked)
      core.logger.warning("an old refresh token came again", metadata: ["session.id": "\(token.session.lowercased)"])
      throw Self.refusal
    }
  }

  static let refusal = Problem(
    401, "invalid_grant", "The refresh token is not good any more", detail: "Log in again.")

  private func rotate(
    _ token: RefreshToken, of clientID: UUID?, _ scope: String?, _ client: ClientDevice,
    _ transaction: any Transaction, _ now: Date
  ) throws -> Outcome {
    let store = SessionStore(transaction)
    try store.lock(token.session)
    guard var row = try store.find(token.session), row.isOpen(at: now), row.clientID == clientID,
      let account = try AccountStore(transaction).find(row.accountID), account.status == .active
    else { return .refused }
    let scopes = try row.scopes.map { try OAuthScope.granted(scope, of: $0) }
    if token.counter == row.counter, ConstantTime.areEqual(token.hash, row.tokenHash) {
      let successor = RefreshToken(session: row.id, counter: row.counter + 1, masterKey: core.masterKey)
      row.counter = successor.counter
      row.tokenHash = successor.hash
      row.rotatedAt = now
      row.address = client.address
      row.idleExpiresAt = min(now + core.configuration.sessionIdleLifetime, row.expiresAt).roundedToMicroseconds
      try store.rotate(row)
    } else if token.counter == row.counter - 1,
      now.timeIntervalSince(row.rotatedAt) <= core.configuration.refreshRetryWindow
    {
      // The answer was lost, or another tab was faster: the same successor again, and nothing changes.
    } else {
      _ = try store.revoke(row.id, of: row.accountID, at: now)
      let revoked = [revocations.session(row.id, now: now)]
      try RevocationStore(transaction).insert(revoked)
      try core.events.record(.tokenReuseDetected(account: row.accountID, session: row.id), in: transaction)
      return .reused(revoked)
    }
    let current = RefreshToken(session: row.id, counter: row.counter, masterKey: core.masterKey)
    return .open(
      OpenSession(
        row: row, refreshToken: current, scopes: scopes, subject: try Subject(account, transaction), now: now))
  }
}
