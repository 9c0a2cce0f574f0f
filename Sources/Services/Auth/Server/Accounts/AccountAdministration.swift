import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// What administrators do with accounts. A change acts at once: the account's tokens are revoked with it.
struct AccountAdministration: Sendable {
  let core: AuthCore
  let revocations: Revocations

  func list(_ request: AccountSearch) async throws -> Page<Account> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map { try $0.id }
    let filter = AccountStore.Filter(
      status: request.status, email: try request.email.map { try EmailAddress.checked($0).text },
      prefix: try request.q.map(Self.checked(prefix:)), role: try request.role.map(Self.checked(role:)),
      isNewestFirst: request.sort == .newestFirst)
    return try await core.read { transaction, _ in
      let store = AccountStore(transaction)
      let rows = try store.list(filter, after: after, limit: limit + 1)
      let roles = try store.roles(of: rows.map(\.id))
      let accounts = rows.map { $0.account(roles: roles[$0.id] ?? []) }
      return Page(fetched: accounts, limit: limit) { Cursor([$0.id.lowercased]) }
    }
  }

  func find(_ id: UUID) async throws -> Account {
    try await core.read { transaction, _ in
      let store = AccountStore(transaction)
      guard let row = try store.find(id) else { throw Problem.notFound("account") }
      return row.account(roles: try store.roles(of: id))
    }
  }

  func update(
    _ request: AccountUpdate, by principal: Principal, _ require: @escaping Roles.Precondition
  ) async throws -> Account {
    let errors = (request.name.map(PersonName.errors) ?? []) + AccountReason.errors(in: request)
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    let (account, revoked) = try await core.write { transaction, now in
      try change(request, by: principal, require, transaction, now)
    }
    await revocations.apply(revoked)
    return account
  }

  private func change(
    _ request: AccountUpdate, by principal: Principal, _ require: Roles.Precondition, _ transaction: any Transaction,
    _ now: Date
  ) throws -> (Account, [Revocation]) {
    try RevocationStore(transaction).expectToRevoke()
    let store = AccountStore(transaction)
    guard var row = try store.find(request.id) else { throw Problem.notFound("account") }
    let roles = try store.roles(of: row.id)
    try require(row.account(roles: roles).entityTag)
    let newRoles = try request.roles.map { try checked($0, transaction) } ?? roles
    let newStatus = try next(row.status, request.status)
    let isRegranted = newRoles != roles
    let isStopped = newStatus != row.status && newStatus != .active
    if isRegranted || newStatus != row.status {
      // Neither may one give what one has not, nor act on those who have more.
      let held = try RoleStore(transaction).find(roles + newRoles).flatMap(\.permissions)
      try principal.requireHolding(held)
    }
    try keepAnAdministrator(row, holding: newRoles, newStatus, store)
    try recordEvents(row, newStatus, isRegranted: isRegranted, transaction)
    try note(request, of: row, newStatus, from: roles, to: newRoles, by: principal, transaction, now)
    row.name = request.name.map(PersonName.trimmed) ?? row.name
    row.status = newStatus
    if isRegranted || isStopped { row.epoch += 1 }
    if newStatus == .deleted {
      (row.email, row.name, row.passwordHash, row.emailVerified) = (nil, "", nil, false)
      try ConsentStore(transaction).deleteAll(of: row.id)
      try APIKeyStore(transaction).deleteAll(of: row.id)
      try LinkedIdentityStore(transaction).deleteAll(of: row.id)
      _ = try SecondFactorStore(transaction).deleteAll(of: row.id)
      try PasskeyStore(transaction).deleteAll(of: row.id)
      try PasskeyStore(transaction).forgetHandle(of: row.id)
      try AccountChangeStore(transaction).forgetReasons(of: row.id)
    }
    row = try store.update(row, at: now)
    if isRegranted { try store.setRoles(newRoles, of: row.id) }
    var revoked: [Revocation] = []
    if isRegranted || isStopped {
      revoked.append(revocations.subject(row.id, epoch: row.epoch, now: now))
      try RevocationStore(transaction).insert(revoked)
    }
    if isStopped {
      try OneTimeTokenStore(transaction).deleteAll(of: row.id)
      try ChallengeStore(transaction).deleteAll(of: row.id)
      try MailRequestStore(transaction).deleteAll(of: row.id, .emailChange)
      revoked += try revocations.endSessions(of: row.id, besides: nil, core.events, transaction, now)
    }
    return (row.account(roles: newRoles), revoked)
  }

  private func note(
    _ request: AccountUpdate, of row: AccountRow, _ status: Account.Status, from roles: [String], to newRoles: [String],
    by principal: Principal, _ transaction: any Transaction, _ now: Date
  ) throws {
    let store = AccountChangeStore(transaction)
    func insert(_ kind: AccountChange.Kind, _ before: String, _ after: String) throws {
      try store.insert(
        AccountChange(
          id: core.newID(), kind: kind, before: before, after: after, reason: AccountReason.trimmed(request.reason),
          by: principal.subject, at: now), of: row.id)
    }
    if status != row.status { try insert(.status, row.status.rawValue, status.rawValue) }
    if roles != newRoles { try insert(.roles, roles.joined(separator: " "), newRoles.joined(separator: " ")) }
  }

  private static func checked(prefix: String) throws -> String {
    guard (1...254).contains(prefix.unicodeScalars.count), !prefix.utf8.contains(0) else {
      throw Problem.invalid("q", "range", "must have 1 to 254 characters")
    }
    return prefix.lowercased()
  }

  private static func checked(role: String) throws -> String {
    guard Roles.isName(role) else { throw Problem.invalid("role", "format", "is not the name of a role") }
    return role
  }

  /// - Returns: the roles in order, each once.
  private func checked(_ names: [String], _ transaction: any Transaction) throws -> [String] {
    let unique = Set(names).sorted()
    guard unique.count <= 32 else { throw Problem.invalid("roles", "too_many", "must be at most 32") }
    let known = Set(try RoleStore(transaction).find(unique.filter(Roles.isName)).map(\.name))
    guard let unknown = unique.first(where: { !known.contains($0) }) else { return unique }
    let index = names.firstIndex(of: unknown) ?? 0
    throw Problem.invalid("roles.\(index)", "unknown", "is not a role")
  }

  /// `active ⇄ suspended`, anything → `deleted`; `unverified` ends by verification, or by an administrator's word.
  private func next(_ status: Account.Status, _ wanted: Account.Status?) throws -> Account.Status {
    guard let wanted, wanted != status else { return status }
    guard status != .deleted, wanted != .unverified else {
      throw Problem(
        409, "status_conflict", "A \(status.rawValue) account cannot become \(wanted.rawValue)",
        detail: "active ⇄ suspended; anything can be deleted, and stays so.")
    }
    return wanted
  }

  private func keepAnAdministrator(
    _ row: AccountRow, holding newRoles: [String], _ status: Account.Status, _ store: AccountStore
  ) throws {
    guard status != .active || !newRoles.contains(BuiltInRole.administrator) else { return }
    guard try !store.isLastAdministrator(row) else {
      throw Problem(
        409, "last_administrator", "Nobody could administer the platform any more",
        detail: "Make somebody else an administrator first.")
    }
  }

  private func recordEvents(
    _ row: AccountRow, _ status: Account.Status, isRegranted: Bool, _ transaction: any Transaction
  ) throws {
    if isRegranted { try core.events.record(.rolesChanged(account: row.id), in: transaction) }
    guard status != row.status else { return }
    let event: AuthEvent =
      switch status {
      case .suspended: .userSuspended(account: row.id)
      case .deleted: .userDeleted(account: row.id)
      case .active, .unverified:
        row.status == .unverified ? .userVerified(account: row.id) : .userReactivated(account: row.id)
      }
    try core.events.record(event, in: transaction)
  }
}
