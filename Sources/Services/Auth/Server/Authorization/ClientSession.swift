import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// The session that a client gets when somebody let it in.
struct ClientSession: Sendable {
  let core: AuthCore

  /// Opens it, inside a transaction.
  func open(
    _ id: UUID, of account: AccountRow, for client: ClientRow, scopes: [String], _ authentication: UserAuthentication,
    from device: ClientDevice, _ transaction: any Transaction, _ now: Date
  ) throws -> OpenSession {
    let token = RefreshToken(session: id, counter: 0, masterKey: core.masterKey)
    let configuration = core.configuration
    // At the console it is a login of one's own, which is no client's and limited to nothing.
    let isOwn = client.isBuiltIn
    // Without a refresh token the session is over with its access token.
    let isLasting = isOwn || scopes.contains(StandardScope.offlineAccess) && client.grants.contains(.refreshToken)
    let idle = isLasting ? configuration.sessionIdleLifetime : configuration.accessTokenLifetime
    let row = SessionRow(
      id: id, accountID: account.id, counter: 0, tokenHash: token.hash, client: device,
      authentication: authentication, createdAt: now, idleExpiresAt: (now + idle).roundedToMicroseconds,
      expiresAt: (now + (isLasting ? configuration.sessionLifetime : idle)).roundedToMicroseconds,
      clientID: isOwn ? nil : client.id, scopes: isOwn ? nil : scopes)
    try SessionStore(transaction).insert(row)
    try core.events.record(.loginSucceeded(account: account.id, session: id), in: transaction)
    return OpenSession(
      row: row, refreshToken: isLasting ? token : nil, scopes: row.scopes, subject: try Subject(account, transaction),
      now: now)
  }
}
