import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// The account that a new platform is administered with.
public struct FirstAdministrator: Sendable, Hashable {
  public var email: String
  /// To be shown once; nil where it was given.
  public var generatedPassword: String?
}

/// Makes the first administrator, once.
struct Bootstrap: Sendable {
  let core: AuthCore
  let passwords: Passwords
  let claim: AccountClaim
  let revocations: Revocations

  /// - Parameters:
  ///   - email: `admin@localhost` when it is not given.
  ///   - password: Generated when it is not given: 120 random bits.
  /// - Returns: nil when there is an active administrator already.
  /// - Throws: ``Problem`` 422 when the address or the password cannot be used.
  func makeAdministrator(email: String?, password: String?) async throws -> FirstAdministrator? {
    guard try await core.read({ transaction, _ in try Self.isNeeded(transaction) }) else { return nil }
    let address = try EmailAddress.checked(email ?? "admin@localhost")
    let generated = password == nil ? Data(core.randomBytes(15)).base64URLEncodedString() : nil
    let chosen = generated ?? password ?? ""
    let errors = generated == nil ? PasswordPolicy.errors(in: chosen, email: address.text) : []
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    let hash = try await passwords.hash(chosen)
    let (id, mailID) = (core.newID(), core.newID())
    let outcome = try await core.write { [core, claim] transaction, now -> [Revocation]? in
      try RevocationStore(transaction).expectToRevoke()
      guard try Self.isNeeded(transaction) else { return nil }
      let store = AccountStore(transaction)
      let row = AccountRow(
        id: id, email: address, name: "Administrator", status: .active, passwordHash: hash, at: now)
      if try store.insert(row) {
        try store.setRoles([BuiltInRole.administrator, BuiltInRole.user], of: id)
        try core.events.record(.userRegistered(account: id), in: transaction)
        return []
      }
      // Somebody registered the address before: whoever that was, the operator's word replaces their password, and
      // nothing that they left is to be an administrator's.
      guard var found = try store.find(email: address.text) else { return nil }
      found.status = .active
      let revoked = try claim.hand(
        over: found, .replaced(by: hash), keepingFactor: false, mailID: mailID, transaction, now
      ).revoked
      try store.setRoles([BuiltInRole.administrator, BuiltInRole.user], of: found.id)
      return revoked
    }
    guard let outcome else { return nil }
    await revocations.apply(outcome)
    return FirstAdministrator(email: address.text, generatedPassword: generated)
  }

  private static func isNeeded(_ transaction: any Transaction) throws -> Bool {
    try AccountStore(transaction).activeHolders(of: BuiltInRole.administrator, besides: nil) == 0
  }
}
