import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Logging

/// A code → a session of the client (RFC 6749 §4.1.3). A code that comes a second time was stolen, from the client or by
/// it, so what came of the first time ends (§4.1.2).
struct CodeExchange: Sendable {
  let core: AuthCore
  let revocations: Revocations

  private enum Outcome: Sendable {
    case open(OpenSession, nonce: String?)
    case reused([Revocation], session: UUID)
    case refused
  }

  static let refusal = Problem(400, "invalid_grant", "The code, or what came with it, is not good")

  func open(
    _ request: TokenRequest, for client: ClientRow, from device: ClientDevice
  ) async throws -> (session: OpenSession, nonce: String?) {
    guard let code = request.code, !code.isEmpty else { throw Problem(400, "invalid_request", "code is missing") }
    let hash = AuthorizationCodeStore.hash(code)
    let outcome = try await core.write { transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      return try exchange(hash, request, client, device, transaction, now)
    }
    switch outcome {
    case .open(let session, let nonce): return (session, nonce)
    case .refused: throw Self.refusal
    case .reused(let revoked, let session):
      await revocations.apply(revoked)
      core.logger.warning("an authorization code came again", metadata: ["session.id": "\(session.lowercased)"])
      throw Self.refusal
    }
  }

  private func exchange(
    _ hash: [UInt8], _ request: TokenRequest, _ client: ClientRow, _ device: ClientDevice,
    _ transaction: any Transaction, _ now: Date
  ) throws -> Outcome {
    let codes = AuthorizationCodeStore(transaction)
    // Another client's code tells that client nothing, and costs the right one nothing.
    guard let code = try codes.find(hash), code.clientID == client.id else { return .refused }
    let sessions = SessionStore(transaction)
    guard code.consumedAt == nil else {
      guard try sessions.revoke(code.sessionID, of: code.accountID, at: now) else { return .refused }
      let revoked = [revocations.session(code.sessionID, now: now)]
      try RevocationStore(transaction).insert(revoked)
      try core.events.record(.tokenReuseDetected(account: code.accountID, session: code.sessionID), in: transaction)
      return .reused(revoked, session: code.sessionID)
    }
    try codes.consume(hash, at: now)
    // The client that authenticated may be a second old, and the code a minute.
    guard code.expiresAt > now, request.redirectURI == code.redirectURI,
      PKCE.matches(request.codeVerifier, code.challenge),
      let client = try ClientStore(transaction).find(client.id, using: .authorizationCode, for: code.scopes),
      RedirectURI(code.redirectURI).map(client.sendsBack) ?? false,
      let account = try AccountStore(transaction).find(code.accountID), account.status == .active,
      account.epoch == code.epoch
    else { return .refused }
    let session = try ClientSession(core: core).open(
      code.sessionID, of: account, for: client, scopes: code.scopes,
      UserAuthentication(methods: code.methods, at: code.authenticatedAt), from: device, transaction, now)
    return .open(session, nonce: code.nonce)
  }
}
