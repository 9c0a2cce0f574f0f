import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// A new password for whoever can read the account's mail. It is no way past the second factor of an account whose
/// address was proved before; of one whose address was not, nobody knows whose factor that is (``AccountClaim``).
struct PasswordRecovery: Sendable {
  let core: AuthCore
  let passwords: Passwords
  let mail: MailQueue
  let claim: AccountClaim
  let revocations: Revocations

  /// The same work for every address: what it leads to happens later, elsewhere.
  func request(_ request: Address) async throws {
    try await mail.request(.recovery, to: EmailAddress.checked(request.email))
  }

  /// The token is used up only by a password that can be taken.
  func complete(_ request: Recovery) async throws {
    let hash = OneTimeTokenStore.hash(request.token)
    let found = try await core.read { transaction, now in
      try OneTimeTokenStore(transaction).find(hash, for: .recovery, now: now).flatMap {
        try AccountStore(transaction).find($0)
      }
    }
    guard let found else { throw OneTimeTokenStore.refusal }
    let errors = PasswordPolicy.errors(
      in: request.newPassword, email: found.email, name: found.name, field: "new_password")
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    let password = try await passwords.hash(request.newPassword)
    let mailID = core.newID()
    let revoked = try await core.write { [core, claim, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      guard let id = try OneTimeTokenStore(transaction).take(hash, for: .recovery, now: now),
        let account = try AccountStore(transaction).find(id),
        account.status == .active || account.status == .unverified
      else { throw OneTimeTokenStore.refusal }
      // The token came by the account's mail, which is what verification asks for. Who has it may be another than who
      // opened the account.
      guard account.emailVerified else {
        return try claim.prove(account, .replaced(by: password), mailID: mailID, transaction, now).revoked
      }
      // Whoever lost hold of their account cannot tell which of its keys are theirs.
      try APIKeys.endAll(of: id, core.events, transaction)
      return try revocations.replacePassword(
        of: account, with: password, keeping: nil, core.events, transaction, now)
    }
    await revocations.apply(revoked)
  }
}
