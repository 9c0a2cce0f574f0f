import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// What a token is worth (RFC 7662). A client learns that of its own tokens; one that may ask for `tokens:introspect`
/// of all, as a resource server that checks no signatures does.
struct Introspector: Sendable {
  static let permission: Permission = "tokens:introspect"

  let core: AuthCore
  let clients: ClientAuthentication
  let verifier: JWTVerifier

  func introspect(_ question: TokenQuestion, authorization: String?) async throws -> Introspection {
    let client = try await clients.authenticate(.init(question, authorization: authorization))
    // A public client proves nothing, so anybody who found a token could ask in its name (RFC 7662 §4).
    guard client.authentication != .none else { throw ClientAuthentication.refusal }
    guard let token = question.token, !token.isEmpty else { throw Problem(400, "invalid_request", "token is missing") }
    let mayAsk = client.permissions.contains { $0.grants(Self.permission) }
    func told(_ reply: Introspection) -> Introspection {
      mayAsk || reply.clientID == client.id.lowercased ? reply : Introspection(active: false)
    }
    if let refreshToken = RefreshToken(token, masterKey: core.masterKey) {
      return told(try await introspect(refreshToken))
    }
    do throws(TokenRefusal) {
      return told(reply(try await verifier.verify(token)))
    } catch {
      guard error.code != .unavailable else {
        throw Problem(503, "identity_unavailable", "Tokens cannot be checked now", retryAfter: 1)
      }
      return Introspection(active: false)
    }
  }

  private func reply(_ principal: Principal) -> Introspection {
    // What a service signed by itself is none of ours.
    guard !principal.isService || principal.clientID != nil, principal.expiresAt > core.clock.now() else {
      return Introspection(active: false)
    }
    var reply = Introspection(active: true)
    reply.tokenType = "Bearer"
    // What it may do: its limit, or all that it was given.
    reply.scope = (principal.scope ?? principal.permissions).map(\.rawValue).joined(separator: " ")
    reply.clientID = principal.clientID
    reply.sub = principal.subject
    reply.exp = Int64(principal.expiresAt.timeIntervalSince1970)
    reply.iat = Int64(principal.issuedAt.timeIntervalSince1970)
    reply.aud = principal.isService ? ServiceToken.audience : core.configuration.audience
    reply.iss = core.configuration.issuer
    reply.jti = principal.tokenID
    reply.sid = principal.sessionID
    reply.acr = principal.assurance
    reply.authTime = principal.authenticatedAt.map { Int64($0.timeIntervalSince1970) }
    return reply
  }

  private func introspect(_ token: RefreshToken) async throws -> Introspection {
    try await core.read { transaction, now in
      guard let row = try SessionStore(transaction).find(token.session), row.isOpen(at: now),
        ConstantTime.areEqual(row.tokenHash, token.hash),
        let account = try AccountStore(transaction).find(row.accountID), account.status == .active
      else { return Introspection(active: false) }
      var reply = Introspection(active: true)
      reply.tokenType = "refresh_token"
      reply.sub = row.accountID.lowercased
      reply.clientID = row.clientID?.lowercased
      reply.scope = row.scopes.map(OAuthScope.text)
      reply.sid = row.id.lowercased
      reply.exp = Int64(min(row.idleExpiresAt, row.expiresAt).timeIntervalSince1970)
      reply.iat = Int64(row.rotatedAt.timeIntervalSince1970)
      reply.iss = core.configuration.issuer
      return reply
    }
  }
}
