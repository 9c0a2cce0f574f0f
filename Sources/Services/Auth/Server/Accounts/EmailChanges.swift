import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityIdentity

/// Another address for an account: proved by a token that is mailed to it. Until then the old one stays.
struct EmailChanges: Sendable {
  let core: AuthCore
  let ownAccount: OwnAccount
  let attempts: Attempts
  let mail: MailQueue
  let claim: AccountClaim
  let revocations: Revocations

  /// The same work for a free address as for a taken one: what it leads to happens later, elsewhere.
  /// - Throws: `Problem` 422 when the address is none or the password is wrong, 429 after too many wrong ones.
  func request(_ request: EmailChange, by principal: Principal, from client: ClientDevice) async throws {
    guard let email = EmailAddress(request.newEmail) else {
      throw Problem.invalid("new_email", "format", "is not an e-mail address")
    }
    let (account, origin) = try await ownAccount.confirm(request.currentPassword, of: principal, from: client)
    guard email.text != account.email else {
      throw Problem.invalid("new_email", "unchanged", "is the address that the account has")
    }
    let id = core.newID()
    try await core.write { [attempts, mail] transaction, now in
      guard let current = try AccountStore(transaction).find(account.id), current.status == .active,
        current.passwordHash == account.passwordHash, current.email == account.email
      else { throw Problem(409, "conflict", "The account was changed at the same time") }
      try attempts.check(origin, transaction, now: now)
      try mail.request(.emailChange, to: email.text, about: current.id, id: id, transaction, now)
    }
  }

  /// The token is used up, and with it every other that went to the old address.
  ///
  /// Where nobody had proved the old address, whoever reads the new one's mail may be another than who opened the account
  /// and asked for this (``AccountClaim``): unless they show that they are signed in to it, what is in it ends, but for
  /// the password, as with ``Registrations/verify(_:by:)``.
  /// - Parameter principal: Who is signed in where the token was shown.
  /// - Throws: `Problem` 400 when the token is not good, 409 when somebody else has the address by now.
  func confirm(_ request: OneTimeToken, by principal: Principal?) async throws {
    let hash = OneTimeTokenStore.hash(request.token)
    let (toOld, toNew, aboutFactor) = (core.newID(), core.newID(), core.newID())
    do {
      let revoked = try await core.write { [core, mail, claim] transaction, now -> [Revocation] in
        let accounts = AccountStore(transaction)
        guard let (id, email) = try OneTimeTokenStore(transaction).takeEmailChange(hash, now: now),
          var account = try accounts.find(id), account.status == .active, let old = account.email
        else { throw OneTimeTokenStore.refusal }
        guard try accounts.find(email: email) == nil else { throw Self.taken }
        let isTheirs = account.emailVerified || principal?.subject == id.lowercased
        account.email = email
        var revoked: [Revocation] = []
        if isTheirs {
          account.emailVerified = true
          _ = try accounts.update(account, at: now)
          try OneTimeTokenStore(transaction).deleteAll(of: id)
          try MailRequestStore(transaction).deleteAll(of: id, .emailChange)
        } else {
          revoked = try claim.prove(account, .kept, mailID: aboutFactor, transaction, now).revoked
        }
        try mail.request(.emailReplaced, to: old, about: id, id: toOld, transaction, now)
        try mail.request(.emailChanged, to: email, about: id, id: toNew, transaction, now)
        try core.events.record(.userEmailChanged(account: id), in: transaction)
        return revoked
      }
      await revocations.apply(revoked)
    } catch let error as DatabaseError where error.code == .uniqueViolation {
      // Somebody took it between the look and the commit.
      throw Self.taken
    }
  }

  private static let taken = Problem(409, "email_taken", "There is an account with that address")
}
