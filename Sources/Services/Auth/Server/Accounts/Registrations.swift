import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// Opening accounts and proving their addresses.
struct Registrations: Sendable {
  let core: AuthCore
  let passwords: Passwords
  let mail: MailQueue
  let claim: AccountClaim
  let revocations: Revocations

  /// - Returns: the account; or nothing where addresses are verified, whether there was an account before or not.
  func register(_ request: Registration) async throws -> Registered {
    let (email, name) = try Self.checked(request)
    let verifies = core.configuration.requiresEmailVerification
    // Also where the address is taken: the time must not tell.
    let hash = try await passwords.hash(request.password)
    let id = core.newID()
    let mailID = core.newID()
    return try await core.write { [core, mail] transaction, now in
      let store = AccountStore(transaction)
      let row = AccountRow(
        id: id, email: email, name: name, status: verifies ? .unverified : .active, passwordHash: hash, at: now)
      let isNew = try store.insert(row)
      if isNew {
        try store.setRoles([BuiltInRole.user], of: id)
        try core.events.record(.userRegistered(account: id), in: transaction)
      }
      guard verifies else {
        guard isNew else { throw Problem(409, "email_taken", "There is an account with that address") }
        return Registered(
          id: id, email: email.text, name: name, status: row.status, roles: [BuiltInRole.user])
      }
      try mail.request(isNew ? .verification : .alreadyRegistered, to: email, id: mailID, transaction, now)
      return Registered()
    }
  }

  /// Proves the address of an account with the mailed token.
  ///
  /// An account that waited for this let nobody in before: it only becomes active. One that was active without may have
  /// been opened by another than whoever reads the mail (``AccountClaim``): unless that one shows that they are signed
  /// in to it, what is in it ends. The password stays in any case: who registers has no other yet, and the message
  /// tells everybody else to leave it alone.
  /// - Parameter principal: Who is signed in where the token was shown.
  func verify(_ request: OneTimeToken, by principal: Principal?) async throws {
    let hash = OneTimeTokenStore.hash(request.token)
    let mailID = core.newID()
    let revoked = try await core.write { [core, claim] transaction, now -> [Revocation] in
      guard let id = try OneTimeTokenStore(transaction).take(hash, for: .verification, now: now),
        var account = try AccountStore(transaction).find(id), !account.emailVerified
      else { throw OneTimeTokenStore.refusal }
      switch account.status {
      case .unverified: account.status = .active
      case .active where principal?.subject == id.lowercased: break
      case .active:
        let revoked = try claim.prove(account, .kept, mailID: mailID, transaction, now).revoked
        try core.events.record(.userVerified(account: id), in: transaction)
        return revoked
      case .suspended, .deleted: throw OneTimeTokenStore.refusal
      }
      account.emailVerified = true
      _ = try AccountStore(transaction).update(account, at: now)
      try OneTimeTokenStore(transaction).deleteAll(of: id, for: .verification)
      try core.events.record(.userVerified(account: id), in: transaction)
      return []
    }
    await revocations.apply(revoked)
  }

  func resendVerification(_ request: Address) async throws {
    try await mail.request(.verification, to: EmailAddress.checked(request.email))
  }

  /// - Throws: ``Problem`` 422 with everything that is wrong.
  static func checked(_ request: Registration) throws -> (EmailAddress, name: String) {
    let email = EmailAddress(request.email)
    var errors = PersonName.errors(in: request.name)
    if email == nil { errors.append(.init(field: "email", code: "format", message: "is not an e-mail address")) }
    errors += PasswordPolicy.errors(in: request.password, email: email?.text, name: request.name)
    guard errors.isEmpty, let email else { throw Problem.invalid(errors) }
    return (email, PersonName.trimmed(request.name))
  }
}
