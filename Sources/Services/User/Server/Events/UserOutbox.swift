import Foundation
import GravityContracts
import GravityData
import GravityEvents
import UserAPI

/// What happened, as the parts of the service say it. What other services read is in `UserEvents`.
enum UserChange: Sendable, Hashable {
  case updated(user: UUID, version: Int64)
  case deletionRequested(user: UUID)
  case deletionCancelled(user: UUID)
  case erasureRequested(user: UUID)
  case erased(user: UUID)
  /// `general`, `notifications` or `app`.
  case preferencesChanged(user: UUID, namespace: String)
  /// By whom; nil where nobody did it, as with the next two.
  case teamMemberAdded(TeamMemberRow, by: UUID?)
  case teamMemberRemoved(TeamMemberRow, by: UUID?)
  case teamRoleChanged(TeamMemberRow, by: UUID?)
  case exportReady(export: UUID, user: UUID)
}

extension Outbox {
  /// Takes down what happened in the transaction that makes it true.
  func record(_ change: UserChange, in transaction: any Transaction) throws {
    switch change {
    case .updated(let user, let version):
      try append(
        UserEvents.userUpdated, subject: user.lowercased, ProfileEvent(userID: user, version: version),
        in: transaction)
    case .deletionRequested(let user): try append(UserEvents.deletionRequested, about: user, in: transaction)
    case .deletionCancelled(let user): try append(UserEvents.deletionCancelled, about: user, in: transaction)
    case .erasureRequested(let user): try append(UserEvents.erasureRequested, about: user, in: transaction)
    case .erased(let user): try append(UserEvents.userErased, about: user, in: transaction)
    case .preferencesChanged(let user, let namespace):
      try append(
        UserEvents.preferencesChanged, subject: user.lowercased,
        PreferenceEvent(userID: user, namespace: namespace), in: transaction)
    case .teamMemberAdded(let member, let by): try append(TeamEvents.memberAdded, member, by, in: transaction)
    case .teamMemberRemoved(let member, let by): try append(TeamEvents.memberRemoved, member, by, in: transaction)
    case .teamRoleChanged(let member, let by): try append(TeamEvents.roleChanged, member, by, in: transaction)
    case .exportReady(let export, let user):
      try append(
        UserExportEvents.ready, subject: export.lowercased, UserExportEvent(exportID: export, userID: user),
        in: transaction)
    }
  }

  private func append(
    _ type: EventType<TeamMemberEvent>, _ member: TeamMemberRow, _ by: UUID?, in transaction: any Transaction
  ) throws {
    try append(
      type, subject: member.team.lowercased,
      TeamMemberEvent(teamID: member.team, userID: member.user, role: member.role, by: by), in: transaction)
  }

  private func append(_ type: EventType<UserEvent>, about user: UUID, in transaction: any Transaction) throws {
    try append(type, subject: user.lowercased, UserEvent(userID: user), in: transaction)
  }
}
