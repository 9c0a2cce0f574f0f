import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityIdentity

/// Why somebody whom a provider vouched for is not let in. Told to them, and noted as a login that failed.
struct FederationRefusal: Error {
  var problem: Problem
  /// Whose it would have been.
  var account: UUID?
}

/// Whose account a person of a provider gets.
///
/// By issuer and subject, for ever. At first by an address that the provider says is proved, and then only where nobody
/// else can be behind it:
///
/// - There is no account with it: one is made.
/// - The account's own address was proved, too: it is linked, and its owner is told by mail.
/// - Nobody ever proved the account's address. Whoever opened it may have waited for this (pre-hijacking), so what they
///   left goes: password, sessions, keys, consents, links. Then it is linked.
/// - The account has more than an ordinary user's roles, or an unproved address and a second factor or a passkey:
///   never by an address. Its owner signs in and links it themselves.
struct FederatedAccounts: Sendable {
  let core: AuthCore
  let claim: AccountClaim
  let mail: MailQueue

  /// Made before the transaction, which may run more than once.
  struct NewIDs: Sendable {
    var account: UUID
    var identity: UUID
    var mail: UUID
    var factorMail: UUID

    init(_ core: AuthCore) {
      (account, identity, mail, factorMail) = (core.newID(), core.newID(), core.newID(), core.newID())
    }
  }

  /// - Throws: ``FederationRefusal``.
  func account(
    of identity: ProviderIdentity, at provider: FederatedProvider, _ ids: NewIDs, _ transaction: any Transaction,
    _ now: Date
  ) throws -> (account: AccountRow, revoked: [Revocation]) {
    let (links, accounts) = (LinkedIdentityStore(transaction), AccountStore(transaction))
    if let link = try links.find(issuer: identity.issuer, subject: identity.subject) {
      guard let account = try accounts.find(link.accountID), account.status != .deleted else {
        throw FederationRefusal(problem: Self.conflict, account: nil)
      }
      try Self.requireActive(account)
      try links.used(link.id, email: Self.address(of: identity)?.text, at: now)
      return (account, [])
    }
    guard let email = Self.address(of: identity), identity.emailIsVerified else {
      throw FederationRefusal(problem: Self.unproved(provider), account: nil)
    }
    guard let found = try accounts.find(email: email.text) else {
      return (try open(email, identity, ids, transaction, now), [])
    }
    return try adopt(found, email, identity, provider, ids, transaction, now)
  }

  private func open(
    _ email: EmailAddress, _ identity: ProviderIdentity, _ ids: NewIDs, _ transaction: any Transaction, _ now: Date
  ) throws -> AccountRow {
    var row = AccountRow(
      id: ids.account, email: email, name: Self.name(of: identity) ?? String(email.text.prefix { $0 != "@" }),
      status: .active, passwordHash: nil, at: now)
    row.emailVerified = true
    guard try AccountStore(transaction).insert(row) else {
      throw FederationRefusal(problem: Self.conflict, account: nil)
    }
    try AccountStore(transaction).setRoles([BuiltInRole.user], of: row.id)
    try core.events.record(.userRegistered(account: row.id), in: transaction)
    try core.events.record(.userVerified(account: row.id), in: transaction)
    try insert(
      LinkedIdentityRow(id: ids.identity, accountID: row.id, identity, email: email.text, linkedAt: now), now,
      transaction)
    return row
  }

  private func adopt(
    _ found: AccountRow, _ email: EmailAddress, _ identity: ProviderIdentity, _ provider: FederatedProvider,
    _ ids: NewIDs, _ transaction: any Transaction, _ now: Date
  ) throws -> (account: AccountRow, revoked: [Revocation]) {
    if found.status == .suspended { try Self.requireActive(found) }
    let isOrdinary = try AccountStore(transaction).isOrdinary(found.id)
    let isProved = found.emailVerified && found.status == .active
    guard isOrdinary, try isProved || !SecondLevel.isReachable(by: found.id, core, transaction) else {
      throw FederationRefusal(problem: Self.linkNeeded(provider), account: found.id)
    }
    var (account, revoked) = (found, [Revocation]())
    if !isProved {
      account.name = Self.name(of: identity) ?? account.name
      (account, revoked) = try claim.prove(account, .replaced(by: nil), mailID: ids.factorMail, transaction, now)
    }
    try insert(
      LinkedIdentityRow(id: ids.identity, accountID: account.id, identity, email: email.text, linkedAt: now), now,
      transaction)
    try mail.request(.identityLinked, to: email.text, about: account.id, id: ids.mail, transaction, now)
    return (account, revoked)
  }

  private func insert(_ row: LinkedIdentityRow, _ now: Date, _ transaction: any Transaction) throws {
    var row = row
    row.lastUsedAt = now
    guard try LinkedIdentityStore(transaction).insert(row) else {
      throw FederationRefusal(problem: Self.otherPerson, account: row.accountID)
    }
    try core.events.record(.identityLinked(account: row.accountID, issuer: row.issuer), in: transaction)
  }

  /// Only whoever proved who they are is told.
  private static func requireActive(_ account: AccountRow) throws {
    guard account.status != .active else { return }
    throw FederationRefusal(
      problem: account.status == .suspended
        ? Problem(403, "account_suspended", "The account is suspended")
        : Problem(403, "email_unverified", "The e-mail address is not verified yet"), account: account.id)
  }

  static func address(of identity: ProviderIdentity) -> EmailAddress? { identity.email.flatMap { EmailAddress($0) } }

  private static func name(of identity: ProviderIdentity) -> String? {
    identity.name.flatMap { PersonName.errors(in: $0).isEmpty ? PersonName.trimmed($0) : nil }
  }

  private static let conflict = Problem(
    409, "conflict", "The account was changed at the same time", detail: "Try again.")

  /// Also where an address was given to somebody else since.
  static let otherPerson = Problem(
    409, "already_linked", "The account is connected with somebody else there",
    detail: "Sign in with your password, and disconnect that first.")

  private static func unproved(_ provider: FederatedProvider) -> Problem {
    Problem(
      403, "provider_email_unverified", "\(provider.displayName) does not say that your e-mail address is yours",
      detail: "Confirm it there and try again, or sign in with your password and connect \(provider.displayName) "
        + "with your account.")
  }

  private static func linkNeeded(_ provider: FederatedProvider) -> Problem {
    Problem(
      403, "link_needed", "There is an account with your e-mail address that is not connected by that alone",
      detail: "Sign in with your password, and connect \(provider.displayName) with your account.")
  }
}
