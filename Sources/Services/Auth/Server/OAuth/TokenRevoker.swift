import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// RFC 7009: a refresh token ends its session, an access token itself. What is neither is passed over. What a client
/// got only that client revokes; a token of a first-party login whoever has it.
struct TokenRevoker: Sendable {
  let core: AuthCore
  let clients: ClientAuthentication
  let revocations: Revocations
  let verifier: JWTVerifier

  func revoke(_ question: TokenQuestion, authorization: String?) async throws {
    let credentials = ClientAuthentication.Credentials(question, authorization: authorization)
    let client = credentials.isEmpty ? nil : try await clients.authenticate(credentials)
    guard let text = question.token, !text.isEmpty else { throw Problem(400, "invalid_request", "token is missing") }
    if let token = RefreshToken(text, masterKey: core.masterKey) { return try await revoke(token, client) }
    let principal: Principal
    do throws(TokenRefusal) {
      principal = try await verifier.verify(text)
    } catch {
      guard error.code != .unavailable else {
        throw Problem(503, "identity_unavailable", "Tokens cannot be checked now", retryAfter: 1)
      }
      return
    }
    // What a service signed by itself is nobody's to revoke.
    guard !principal.isService || principal.clientID != nil else { return }
    try Self.require(client, principal.clientID)
    try await revocations.revoke(token: principal.tokenID, expiresAt: principal.expiresAt)
  }

  private func revoke(_ token: RefreshToken, _ client: ClientRow?) async throws {
    let revoked = try await core.write { [core, revocations] transaction, now -> [Revocation] in
      try RevocationStore(transaction).expectToRevoke()
      let store = SessionStore(transaction)
      guard let row = try store.find(token.session) else { return [] }
      try Self.require(client, row.clientID?.lowercased)
      guard try store.revoke(row.id, of: row.accountID, at: now) else { return [] }
      let revoked = [revocations.session(row.id, now: now)]
      try RevocationStore(transaction).insert(revoked)
      try core.events.record(.sessionRevoked(account: row.accountID, session: row.id), in: transaction)
      return revoked
    }
    await revocations.apply(revoked)
  }

  private static func require(_ client: ClientRow?, _ owner: String?) throws {
    guard client?.id.lowercased != owner else { return }
    guard client != nil else { throw ClientAuthentication.refusal }
    throw Problem(400, "unauthorized_client", "The token was not issued to this client")
  }
}
