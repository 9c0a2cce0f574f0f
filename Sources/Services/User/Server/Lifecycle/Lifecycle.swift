public import Foundation
import GravityContracts
import GravityPersonalData
import UserAPI
public import GravityData

/// What happens to an account elsewhere, applied to its profile.
///
/// `active ⇄ suspended`, either → `pending_deletion` → `erased`; of the last only the id stays, for ever. Each function
/// may be called again and in any order: what came late changes nothing that is final, and whatever else it says is
/// checked with auth soon after (``UserService/tasks``), whose word counts.
public struct Lifecycle: Sendable {
  let core: UserCore
  let copies: AccountCopies
  let personalData: UserPersonalData
  /// Starts the saga that carries an erasure through the services.
  let beginErasure: @Sendable (_ user: UUID, _ transaction: any Transaction) throws -> Void

  /// `user.registered`: there is an account. Name and address are fetched soon after.
  public func registered(_ account: UUID, in transaction: any Transaction) throws {
    try hear(of: account, transaction) { _, _ in }
  }

  /// `user.suspended`.
  public func suspended(_ account: UUID, in transaction: any Transaction) throws {
    try hear(of: account, transaction) { row, _ in row.isSuspended = true }
  }

  /// `user.reactivated`.
  public func reactivated(_ account: UUID, in transaction: any Transaction) throws {
    try hear(of: account, transaction) { row, _ in row.isSuspended = false }
  }

  /// `user.email_changed`, and whatever else changes what is copied.
  public func emailChanged(_ account: UUID, in transaction: any Transaction) throws {
    try hear(of: account, transaction) { _, _ in }
  }

  /// `user.deleted`: its name and address go now, the rest is due for erasure.
  public func deleted(_ account: UUID, in transaction: any Transaction) throws {
    let isHeld = try LegalHoldStore(transaction).standing(of: account) != nil
    try hear(of: account, transaction) { row, now in row.closeAccount(at: now, isHeld: isHeld) }
  }

  /// Reads auth's account and takes over what is newer.
  /// - Returns: false when there is no such account.
  /// - Throws: `Problem` 503 when auth cannot be asked.
  @discardableResult
  public func refresh(_ account: UUID) async throws -> Bool { try await copies.refresh(account) }

  // MARK: Erasure

  /// Begins the erasure of users whose grace is over and whom no legal hold keeps, each once; from then on it cannot be
  /// taken back. The services are asked, and the saga that waits for them is started, in this transaction.
  /// - Returns: who they are, most overdue first, at most `limit`.
  public func requestDueErasures(limit: Int, in transaction: any Transaction) throws -> [UUID] {
    let now = try core.now(transaction)
    let store = UserStore(transaction)
    return try store.dueForErasure(at: now, limit: limit).map { due in
      var row = due
      row.erasureRequestedAt = due.erasureRequestedAt ?? now
      try store.update(row)
      if try ErasureStore(transaction).insert(row.id, services: core.configuration.erasureServices, at: now) {
        try beginErasure(row.id, transaction)
      }
      try core.events.record(.erasureRequested(user: row.id), in: transaction)
      return row.id
    }
  }

  /// Takes out everything that tells who it was, for good. The id stays, so that it is never anybody else's.
  public func erase(_ user: UUID, in transaction: any Transaction) throws {
    try transaction.lock(UserRow.lockName(user))
    let now = try core.now(transaction)
    let old = try UserStore(transaction).findOrInsert(user, at: now)
    guard old.erasedAt == nil else { return }
    let counts = try personalData.inventory(of: old, in: transaction)
    try ErasureStore(transaction).put(
      ErasureReceipt(
        userID: user, service: UserAPI.service, erased: counts.erased, kept: counts.kept, waiting: [:], at: now))
    var row = old
    row.blank()
    (row.isSuspended, row.deletionDueAt, row.directoryDueAt) = (false, nil, nil)
    row.erasedAt = now
    try SearchTermStore(transaction).deleteAll(of: user)
    try PreferenceStore(transaction).deleteAll(of: user)
    try AddressStore(transaction).deleteAll(of: user)
    try Teams.forget(user, core, transaction)
    try ExportStore(transaction).deleteAll(of: user)
    _ = try core.save(row, after: old, .erased(user: user), transaction, now)
  }

  private func hear(
    of account: UUID, _ transaction: any Transaction, _ change: (inout UserRow, Date) -> Void
  ) throws {
    // No lock: many events share a transaction, and each lock would begin it anew. Serializability keeps order.
    let now = try core.now(transaction)
    let old = try UserStore(transaction).findOrInsert(account, at: now)
    guard !old.isGone else { return }
    var row = old
    change(&row, now)
    row.directoryRequests += 1
    if !row.isGone {
      row.directoryDueAt = now
      try transaction.notify(AccountCopies.channel, "")
    }
    _ = try core.saveIfChanged(row, after: old, transaction, now)
  }
}
