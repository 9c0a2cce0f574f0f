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

  func verify(_ request: OneTimeToken) async throws {
    let hash = OneTimeTokenStore.hash(request.token)
    try await core.write { [core] transaction, now in
      guard let id = try OneTimeTokenStore(transaction).take(hash, for: .verification, now: now),
        var account = try AccountStore(transaction).find(id), !account.emailVerified,
        [.unverified, .active].contains(account.status)
      else { throw OneTimeTokenStore.refusal }
      account.status = .active
      account.emailVerified = true
      _ = try AccountStore(transaction).update(account, at: now)
      try OneTimeTokenStore(transaction).deleteAll(of: id, for: .verification)
      try core.events.record(.userVerified(account: id), in: transaction)
    }
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
