import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityIdentity

/// An account in the hands of another than may have opened it: of whoever proves its address first, or of whomever the
/// operator names.
///
/// Whoever opens an account with somebody else's address may have waited for that (pre-hijacking): what they left
/// would let them in afterwards, or keep its owner out. So all of it ends: sessions and what clients were let in to,
/// API keys, passkeys, persons of other providers, the second factor and its recovery codes, and what was mailed.
struct AccountClaim: Sendable {
  /// What becomes of the password.
  enum Password: Sendable {
    /// nil is none any more.
    case replaced(by: String?)
    /// Only where whoever proves the address has no other to sign in with.
    case kept
  }

  let core: AuthCore
  let revocations: Revocations
  let mail: MailQueue

  /// Notes that the address is proved, of an account where nobody ever had done so.
  ///
  /// The second factor of an account that has more than an ordinary user's roles stays: somebody vouched for its holder
  /// when they gave them, and a mailbox alone is not to open what two factors guard. Who lost it asks an administrator.
  /// - Parameter mailID: Of the message that a second factor is gone.
  /// - Returns: the account as it is now, and what is to be applied after the commit.
  func prove(
    _ account: AccountRow, _ password: Password, mailID: UUID, _ transaction: any Transaction, _ now: Date
  ) throws -> (account: AccountRow, revoked: [Revocation]) {
    var account = account
    account.emailVerified = true
    if account.status == .unverified {
      account.status = .active
      try core.events.record(.userVerified(account: account.id), in: transaction)
    }
    let keepsFactor = try !AccountStore(transaction).isOrdinary(account.id)
    return try hand(over: account, password, keepingFactor: keepsFactor, mailID: mailID, transaction, now)
  }

  /// Writes `account` as it is given, and ends whatever led into it but its password, if that is kept.
  func hand(
    over account: AccountRow, _ password: Password, keepingFactor: Bool, mailID: UUID, _ transaction: any Transaction,
    _ now: Date
  ) throws -> (account: AccountRow, revoked: [Revocation]) {
    let id = account.id
    try LinkedIdentityStore(transaction).deleteAll(of: id)
    // Where there can be none any more, some may be left of before.
    try PasskeyStore(transaction).deleteAll(of: id)
    try APIKeys.endAll(of: id, core.events, transaction)
    try ConsentStore(transaction).deleteAll(of: id)
    try ChallengeStore(transaction).deleteAll(of: id)
    try OneTimeTokenStore(transaction).deleteAll(of: id)
    if !keepingFactor { try removeFactor(of: account, mailID, transaction, now) }
    let revoked =
      switch password {
      case .replaced(let hash):
        try revocations.replacePassword(of: account, with: hash, keeping: nil, core.events, transaction, now)
      case .kept: try revocations.endEverything(of: account, core.events, transaction, now)
      }
    guard let claimed = try AccountStore(transaction).find(id) else { throw Problem.notFound("account") }
    return (claimed, revoked)
  }

  private func removeFactor(
    of account: AccountRow, _ mailID: UUID, _ transaction: any Transaction, _ now: Date
  ) throws {
    // Also one that waits for its first code, of which nobody is told.
    guard try SecondFactorStore(transaction).deleteAll(of: account.id) else { return }
    try core.events.record(.secondFactorRemoved(account: account.id, by: nil), in: transaction)
    guard let email = account.email else { return }
    try mail.request(.secondFactorRemoved, to: email, about: account.id, id: mailID, transaction, now)
  }
}

extension Revocations {
  /// Writes `account` as it is given, and ends all its sessions and every token that was issued until now. The password
  /// stays.
  func endEverything(
    of account: AccountRow, _ events: Outbox, _ transaction: any Transaction, _ now: Date
  ) throws -> [Revocation] {
    var account = account
    account.epoch += 1
    account = try AccountStore(transaction).update(account, at: now)
    try MailRequestStore(transaction).deleteAll(of: account.id, .emailChange)
    let bump = subject(account.id, epoch: account.epoch, now: now)
    try RevocationStore(transaction).insert([bump])
    return try endSessions(of: account.id, besides: nil, events, transaction, now) + [bump]
  }
}
