public import Foundation
public import GravityData

/// What happened, for other services to know. Ids only: an event carries no personal data.
public enum UserChange: Sendable, Hashable {
  case updated(user: UUID, version: Int64)
  case deletionRequested(user: UUID)
  case deletionCancelled(user: UUID)
  case erasureRequested(user: UUID)
  case erased(user: UUID)
  /// `general`, `notifications` or `app`.
  case preferencesChanged(user: UUID, namespace: String)
}

/// Takes down what happened in the transaction that makes it true.
public protocol UserEventRecorder: Sendable {
  func record(_ change: UserChange, in transaction: any Transaction) throws
}
