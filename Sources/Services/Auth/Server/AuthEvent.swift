public import Foundation
public import GravityData

/// What happened, for other services to know. Ids only: an event carries no personal data.
public enum AuthEvent: Sendable, Hashable {
  case userRegistered(account: UUID)
  case userVerified(account: UUID)
  case userSuspended(account: UUID)
  case userReactivated(account: UUID)
  case userDeleted(account: UUID)
  case loginSucceeded(account: UUID, session: UUID)
  case loginFailed(account: UUID?)
  case sessionRevoked(account: UUID, session: UUID)
  case tokenRevoked(token: String)
  case tokenReuseDetected(account: UUID, session: UUID)
  case passwordChanged(account: UUID)
  case rolesChanged(account: UUID)
  case roleChanged(role: String)
  case keyRotated(key: String)
}

/// Takes down events in the transaction that makes them true. The outbox will be one.
public protocol AuthEventRecorder: Sendable {
  func record(_ event: AuthEvent, in transaction: any Transaction) throws
}

/// Keeps nothing: for as long as there is no outbox.
public struct DiscardedEvents: AuthEventRecorder {
  public init() {}
  public func record(_ event: AuthEvent, in transaction: any Transaction) throws {}
}
