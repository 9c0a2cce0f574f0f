import Foundation
import GravityContracts
import GravityData
import Logging

/// Keeps the copies of names, addresses and suspension that belong to auth.
struct AccountCopies: Sendable {
  let core: UserCore
  let directory: any AccountDirectory

  /// Said when accounts wait for a look.
  static let channel = "user_directory"
  /// Seconds until a look that failed is tried again, and until an account that auth does not know.
  private static let (lease, patience): (TimeInterval, TimeInterval) = (30, 3600)

  /// Asks auth for the account and takes over what is newer. A copy never goes back to an older version, and what
  /// happens while auth is asked is looked at again.
  ///
  /// - Returns: false when there is no such account.
  /// - Throws: `Problem` 503 when auth cannot be asked.
  @discardableResult
  func refresh(_ id: UUID) async throws -> Bool {
    let requests = try await core.read { transaction, _ in try UserStore(transaction).find(id)?.directoryRequests ?? 0 }
    let account = try await ask(id)
    return try await core.write(of: id) { [core] transaction, now in
      let store = UserStore(transaction)
      guard let account else {
        if var row = try store.find(id), row.directoryDueAt != nil {
          row.directoryDueAt = (now + Self.patience).roundedToMicroseconds
          try store.update(row)
        }
        return false
      }
      let old = try store.findOrInsert(id, at: now)
      var row = old
      row.copy(account, knows: requests, at: now, isHeld: try LegalHoldStore(transaction).standing(of: id) != nil)
      _ = try core.saveIfChanged(row, after: old, transaction, now)
      return true
    }
  }

  /// Looks at accounts of which something was heard.
  /// - Returns: how many were taken on; fewer than `limit` when no more wait.
  /// - Throws: the last failure, after the others had their turn.
  @discardableResult
  func refreshDue(limit: Int = 20) async throws -> Int {
    let due = try await core.write { transaction, now in
      try UserStore(transaction).claimDirectoryDue(
        at: now, lease: (now + Self.lease).roundedToMicroseconds, limit: limit)
    }
    var (failure, inARow): ((any Error)?, Int) = (nil, 0)
    for id in due {
      do {
        try await refresh(id)
        inARow = 0
      } catch let error as CancellationError {
        throw error
      } catch {
        (failure, inARow) = (error, inARow + 1)
        // One account holds up nobody else; an auth that is away is left alone.
        if inARow == 3 { break }
      }
    }
    if let failure { throw failure }
    return due.count
  }

  /// The account as it is at this moment, for what a copy is too old for.
  /// - Returns: nil when there is no such account.
  /// - Throws: `Problem` 503 when auth cannot be asked.
  func current(_ id: UUID) async throws -> DirectoryAccount? { try await ask(id) }

  private func ask(_ id: UUID) async throws -> DirectoryAccount? {
    do {
      guard let account = try await directory.account(id) else { return nil }
      guard account.id == id, account.version > 0 else { throw WrongAccount() }
      return account
    } catch let error as CancellationError {
      throw error
    } catch {
      core.logger.warning(
        "the account directory gave no answer",
        metadata: ["user.id": "\(id.lowercased)", "error.message": "\(error)", "error.type": "\(type(of: error))"])
      throw Problem(
        503, "directory_unavailable", "The account cannot be looked up now", detail: "Try again in a moment.",
        retryAfter: 2)
    }
  }

  private struct WrongAccount: Error, CustomStringConvertible {
    var description: String { "it answered with another account" }
  }
}

extension UserRow {
  /// Takes over what auth said.
  /// - Parameter requests: How often something had happened when auth was asked. If more did since, the answer may be
  ///   older than that, so what only events tell stays, and the account stays due.
  mutating func copy(_ account: DirectoryAccount, knows requests: Int64, at now: Date, isHeld: Bool) {
    let isCurrent = directoryRequests == requests
    if isCurrent { directoryDueAt = nil }
    guard !isGone, account.version >= accountVersion else { return }
    accountVersion = account.version
    guard account.status != .deleted else { return closeAccount(at: now, isHeld: isHeld) }
    (accountName, email) = (account.name, account.email)
    if isCurrent { isSuspended = account.status == .suspended }
  }

  /// Auth deleted the account. Its name and address go at once, as they did there; what the user gave to this service
  /// goes with the erasure, which is due now and cannot be taken back.
  /// - Parameter isHeld: Whether a legal hold stands: then it keeps the copy, too, until the erasure.
  mutating func closeAccount(at now: Date, isHeld: Bool) {
    guard !isGone else { return }
    isAccountDeleted = true
    if !isHeld { (accountName, email) = ("", nil) }
    isSuspended = false
    deletionDueAt = min(deletionDueAt ?? now, now)
    directoryDueAt = nil
  }
}
