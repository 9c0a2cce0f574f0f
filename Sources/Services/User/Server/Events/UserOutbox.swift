import Foundation
import GravityContracts
public import GravityData
public import GravityEvents
public import UserAPI

/// Records what happened to users in the outbox.
public struct UserOutbox: UserEventRecorder {
  private let outbox: Outbox

  public init(_ outbox: Outbox = Outbox(service: UserAPI.service)) { self.outbox = outbox }

  public func record(_ change: UserChange, in transaction: any Transaction) throws {
    switch change {
    case .updated(let user, let version):
      try outbox.append(
        UserEvents.userUpdated, subject: user.lowercased, ProfileEvent(userID: user, version: version),
        in: transaction)
    case .deletionRequested(let user): try append(UserEvents.deletionRequested, user, transaction)
    case .deletionCancelled(let user): try append(UserEvents.deletionCancelled, user, transaction)
    case .erasureRequested(let user): try append(UserEvents.erasureRequested, user, transaction)
    case .erased(let user): try append(UserEvents.userErased, user, transaction)
    case .preferencesChanged(let user, let namespace):
      try outbox.append(
        UserEvents.preferencesChanged, subject: user.lowercased,
        PreferenceEvent(userID: user, namespace: namespace), in: transaction)
    }
  }

  private func append(_ type: EventType<UserEvent>, _ user: UUID, _ transaction: any Transaction) throws {
    try outbox.append(type, subject: user.lowercased, UserEvent(userID: user), in: transaction)
  }
}
