import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import UserAPI

extension UserCore {
  /// Writes `row` as the next version after `old`, with everything that hangs on it.
  func save(
    _ row: UserRow, after old: UserRow, _ change: UserChange?, _ transaction: any Transaction, _ now: Date
  ) throws -> UserRow {
    var row = row
    row.version = old.version + 1
    row.updatedAt = now
    try UserStore(transaction).update(row)
    try SearchTermStore(transaction).replace(SearchTerms.of(old), with: SearchTerms.of(row), of: row.id)
    // Nobody has the address any more, so nobody can answer what was sent there.
    if let email = old.email, row.email == nil { try TeamInviteStore(transaction).deleteAll(to: email) }
    if let change { try events.record(change, in: transaction) }
    try events.record(.updated(user: row.id, version: row.version), in: transaction)
    return row
  }

  /// The same, but that no version is counted where nobody sees a difference.
  func saveIfChanged(
    _ row: UserRow, after old: UserRow, _ transaction: any Transaction, _ now: Date
  ) throws -> UserRow {
    guard row != old else { return old }
    guard row.profile(configuration) == old.profile(configuration), row.theme == old.theme else {
      return try save(row, after: old, nil, transaction, now)
    }
    try UserStore(transaction).update(row)
    return row
  }

  /// The caller's row, to be changed by them.
  /// - Throws: `Problem` 404 when there is none any more, 403 while the account is suspended, 409 while a deletion runs.
  func writableRow(_ id: UUID, _ transaction: any Transaction) throws -> UserRow {
    guard let row = try UserStore(transaction).find(id), row.isComplete else { throw Problem.notFound("user") }
    switch row.status {
    case .active: return row
    case .suspended: throw Problem(403, "user_suspended", "The account is suspended")
    case .pendingDeletion where !row.isGone:
      throw Problem(
        409, "deletion_pending", "You asked to be erased", detail: "POST /api/v1/users/me/restore takes that back.")
    case .pendingDeletion, .erased: throw Problem.notFound("user")
    }
  }
}

/// What `If-Match` asks of a resource as it is; nil is one that does not exist.
struct Precondition: Sendable {
  let require: @Sendable (EntityTag?) throws -> Void
}
