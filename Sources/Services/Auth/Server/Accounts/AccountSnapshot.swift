import AuthAPI
import Foundation
import GravityContracts
import GravityEvents

/// Accounts as the events that led to them, for a service that was not there.
struct AccountSnapshot: Sendable {
  let core: AuthCore

  func page(_ query: SnapshotQuery) async throws -> SnapshotPage {
    let limit = try PageLimit.checked(query.limit)
    let after = try query.cursor.map { try $0.id }
    return try await core.read { transaction, _ in
      let rows = try AccountStore(transaction).list(
        .init(), after: after, limit: limit + 1)
      let items = try rows.prefix(limit).map { row in
        SnapshotItem(
          subject: row.id.lowercased,
          sequence: try Outbox.sequence(
            family: AuthEvents.userRegistered.family, subject: row.id.lowercased, in: transaction),
          events: try events(leadingTo: row))
      }
      return SnapshotPage(
        items: items, nextCursor: rows.count > limit ? items.last.map { Cursor([$0.subject]) } : nil)
    }
  }

  private func events(leadingTo row: AccountRow) throws -> [SnapshotEvent] {
    let registered = AuthEvents.userRegistered
    let after: [EventType<AccountEvent>] =
      switch row.status {
      case .unverified: []
      case .active: [AuthEvents.userVerified]
      case .suspended: [AuthEvents.userVerified, AuthEvents.userSuspended]
      case .deleted: [AuthEvents.userDeleted]
      }
    return try ([registered] + after).map { try SnapshotEvent($0, AccountEvent(accountID: row.id)) }
  }
}
