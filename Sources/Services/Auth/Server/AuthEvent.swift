import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityEvents

/// What happened, as the parts of the service say it. What other services read is in `AuthEvents`.
enum AuthEvent: Sendable, Hashable {
  case userRegistered(account: UUID)
  case userVerified(account: UUID)
  case userSuspended(account: UUID)
  case userReactivated(account: UUID)
  case userDeleted(account: UUID)
  case userEmailChanged(account: UUID)
  case loginSucceeded(account: UUID, session: UUID)
  case loginFailed(account: UUID?)
  case sessionRevoked(account: UUID, session: UUID)
  case tokenRevoked(token: String)
  case tokenReuseDetected(account: UUID, session: UUID)
  case passwordChanged(account: UUID)
  case rolesChanged(account: UUID)
  case roleChanged(role: String)
  case keyRotated(key: String)
  case clientChanged(client: UUID)
  case secondFactorEnrolled(account: UUID)
  case secondFactorRemoved(account: UUID, by: UUID?)
  case passkeyAdded(account: UUID, passkey: UUID)
  case passkeyRemoved(account: UUID, passkey: UUID, by: UUID?)
  case passkeyCloneSuspected(account: UUID, passkey: UUID)
  case identityLinked(account: UUID, issuer: String)
  case identityUnlinked(account: UUID, issuer: String)
  case apiKeyCreated(account: UUID, key: UUID)
  case apiKeyRevoked(account: UUID, key: UUID)
}

extension Outbox {
  /// Takes the event down in the transaction that makes it true.
  func record(_ event: AuthEvent, in transaction: any Transaction) throws {
    switch event {
    case .userRegistered(let id): try append(AuthEvents.userRegistered, about: id, in: transaction)
    case .userVerified(let id): try append(AuthEvents.userVerified, about: id, in: transaction)
    case .userSuspended(let id): try append(AuthEvents.userSuspended, about: id, in: transaction)
    case .userReactivated(let id): try append(AuthEvents.userReactivated, about: id, in: transaction)
    case .userDeleted(let id): try append(AuthEvents.userDeleted, about: id, in: transaction)
    case .userEmailChanged(let id): try append(AuthEvents.userEmailChanged, about: id, in: transaction)
    case .rolesChanged(let id): try append(AuthEvents.rolesChanged, about: id, in: transaction)
    case .passwordChanged(let id): try append(AuthEvents.passwordChanged, about: id, in: transaction)
    case .loginSucceeded(let account, let session):
      try append(AuthEvents.loginSucceeded, about: account, session, in: transaction)
    case .sessionRevoked(let account, let session):
      try append(AuthEvents.sessionRevoked, about: account, session, in: transaction)
    case .tokenReuseDetected(let account, let session):
      try append(AuthEvents.tokenReuseDetected, about: account, session, in: transaction)
    case .loginFailed(let account):
      try append(
        AuthEvents.loginFailed, subject: account?.lowercased, LoginFailure(accountID: account), in: transaction)
    case .tokenRevoked(let token):
      // Nothing follows about a token, so it needs no number.
      try append(AuthEvents.tokenRevoked, subject: nil, TokenEvent(tokenID: token), in: transaction)
    case .roleChanged(let role):
      try append(AuthEvents.roleChanged, subject: role, RoleEvent(role: role), in: transaction)
    case .keyRotated(let key):
      try append(AuthEvents.keyRotated, subject: nil, KeyEvent(key: key), in: transaction)
    case .secondFactorEnrolled(let account):
      try append(
        AuthEvents.secondFactorEnrolled, subject: account.lowercased,
        SecondFactorEvent(accountID: account, actorID: account), in: transaction)
    case .secondFactorRemoved(let account, let actor):
      try append(
        AuthEvents.secondFactorRemoved, subject: account.lowercased,
        SecondFactorEvent(accountID: account, actorID: actor), in: transaction)
    case .passkeyAdded(let account, let passkey):
      try append(AuthEvents.passkeyAdded, about: account, passkey, by: account, in: transaction)
    case .passkeyRemoved(let account, let passkey, let actor):
      try append(AuthEvents.passkeyRemoved, about: account, passkey, by: actor, in: transaction)
    case .passkeyCloneSuspected(let account, let passkey):
      try append(AuthEvents.passkeyCloneSuspected, about: account, passkey, by: nil, in: transaction)
    case .identityLinked(let account, let issuer):
      try append(
        AuthEvents.identityLinked, subject: account.lowercased, IdentityEvent(accountID: account, issuer: issuer),
        in: transaction)
    case .identityUnlinked(let account, let issuer):
      try append(
        AuthEvents.identityUnlinked, subject: account.lowercased, IdentityEvent(accountID: account, issuer: issuer),
        in: transaction)
    case .apiKeyCreated(let account, let key):
      try append(
        AuthEvents.apiKeyCreated, subject: account.lowercased, APIKeyEvent(accountID: account, keyID: key),
        in: transaction)
    case .apiKeyRevoked(let account, let key):
      try append(
        AuthEvents.apiKeyRevoked, subject: account.lowercased, APIKeyEvent(accountID: account, keyID: key),
        in: transaction)
    case .clientChanged(let id):
      try append(AuthEvents.clientChanged, subject: id.lowercased, ClientEvent(clientID: id), in: transaction)
    }
  }

  private func append(_ type: EventType<AccountEvent>, about account: UUID, in transaction: any Transaction) throws {
    try append(type, subject: account.lowercased, AccountEvent(accountID: account), in: transaction)
  }

  private func append(
    _ type: EventType<PasskeyEvent>, about account: UUID, _ passkey: UUID, by actor: UUID?,
    in transaction: any Transaction
  ) throws {
    try append(
      type, subject: account.lowercased, PasskeyEvent(accountID: account, passkeyID: passkey, actorID: actor),
      in: transaction)
  }

  private func append(
    _ type: EventType<SessionEvent>, about account: UUID, _ session: UUID, in transaction: any Transaction
  ) throws {
    try append(
      type, subject: account.lowercased, SessionEvent(accountID: account, sessionID: session), in: transaction)
  }
}
