import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// The roles that come with the platform.
enum BuiltInRole {
  /// May do everything; its permissions cannot be changed.
  static let administrator = "admin"
  /// What a new account gets.
  static let user = "user"
  static let guest = "guest"

  static func all(at time: Date) -> [Role] {
    func role(_ name: String, _ description: String, _ permissions: [Permission]) -> Role {
      Role(
        name: name, description: description, permissions: permissions, builtIn: true, version: 1, createdAt: time,
        updatedAt: time)
    }
    return [
      role(administrator, "May do everything", ["*:*"]), role(user, "Whoever has an account", []),
      role(guest, "Whoever may look only", []),
    ]
  }
}

/// Roles and what they grant. A change acts at once: whoever holds the role needs a new token.
struct Roles: Sendable {
  typealias Precondition = @Sendable (EntityTag) throws -> Void
  /// Of all, so that a list is one page.
  private static let greatestCount = 1000

  let core: AuthCore
  let revocations: Revocations

  /// Puts the built-in roles in place, unless they are there.
  func seed() async throws {
    try await core.write { transaction, now in
      for role in BuiltInRole.all(at: now) { _ = try RoleStore(transaction).insert(role) }
    }
  }

  func list() async throws -> RoleList {
    try await core.read { transaction, _ in
      let store = RoleStore(transaction)
      return RoleList(items: try store.all(), policyVersion: try store.policyVersion())
    }
  }

  func find(_ name: String) async throws -> Role {
    try await core.read { transaction, _ in try Self.existing(name, RoleStore(transaction)) }
  }

  func create(_ request: NewRole, by principal: Principal, once key: IdempotencyKey?) async throws -> Once<Role> {
    let permissions = try Self.checked(request.permissions)
    guard Self.isName(request.name) else {
      throw Problem.invalid("name", "format", "must be 1 to 64 of a–z 0–9 _ -, beginning with a letter")
    }
    let description = try Self.checked(description: request.description ?? "")
    try principal.requireHolding(permissions)
    return try await core.database.write(once: key) { [core] transaction in
      let store = RoleStore(transaction)
      let now = try core.now(transaction)
      guard try store.count() < Self.greatestCount else {
        throw Problem(409, "too_many_roles", "There are \(Self.greatestCount) roles already")
      }
      let role = Role(
        name: request.name, description: description, permissions: permissions, builtIn: false, version: 1,
        createdAt: now, updatedAt: now)
      guard try store.insert(role) else { throw Problem(409, "role_exists", "There is a role of that name") }
      try store.advancePolicyVersion()
      try core.events.record(.roleChanged(role: role.name), in: transaction)
      return role
    }
  }

  func update(_ request: RoleUpdate, by principal: Principal, _ require: @escaping Precondition) async throws -> Role {
    let permissions = try request.permissions.map(Self.checked)
    let description = try request.description.map(Self.checked(description:))
    let (role, revoked) = try await core.write { [core, revocations] transaction, now -> (Role, [Revocation]) in
      try RevocationStore(transaction).expectToRevoke()
      let store = RoleStore(transaction)
      var role = try Self.existing(request.name, store)
      try require(role.entityTag)
      let isRegranted = permissions.map { $0 != role.permissions } ?? false
      if isRegranted {
        guard role.name != BuiltInRole.administrator else { throw Self.protected }
        // Neither may one give what one has not, nor take from those who have more.
        try principal.requireHolding((permissions ?? []) + role.permissions)
      }
      role.permissions = permissions ?? role.permissions
      role.description = description ?? role.description
      role.version += 1
      role.updatedAt = now
      try store.update(role)
      try store.advancePolicyVersion()
      try core.events.record(.roleChanged(role: role.name), in: transaction)
      guard isRegranted else { return (role, []) }
      return (role, try Self.advanceHolders(of: role.name, revocations, transaction, now))
    }
    await revocations.apply(revoked)
    return role
  }

  func delete(_ name: String, by principal: Principal, _ require: @escaping Precondition) async throws {
    let revoked = try await core.write { [core, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      let store = RoleStore(transaction)
      let role = try Self.existing(name, store)
      try require(role.entityTag)
      guard !role.builtIn else { throw Self.protected }
      try principal.requireHolding(role.permissions)
      let revoked = try Self.advanceHolders(of: name, revocations, transaction, now)
      try AccountStore(transaction).take(role: name)
      try store.delete(name)
      try store.advancePolicyVersion()
      try core.events.record(.roleChanged(role: name), in: transaction)
      return revoked
    }
    await revocations.apply(revoked)
  }

  private static let protected = Problem(409, "role_protected", "The role came with the platform and stays as it is")

  private static func existing(_ name: String, _ store: RoleStore) throws -> Role {
    guard isName(name), let role = try store.find(name) else { throw Problem.notFound("role") }
    return role
  }

  private static func advanceHolders(
    of role: String, _ revocations: Revocations, _ transaction: any Transaction, _ now: Date
  ) throws -> [Revocation] {
    let revoked = try AccountStore(transaction).advanceEpochs(ofHoldersOf: role).map {
      revocations.subject($0.account, epoch: $0.epoch, now: now)
    }
    try RevocationStore(transaction).insert(revoked)
    return revoked
  }

  static func isName(_ name: String) -> Bool {
    (1...64).contains(name.utf8.count) && name.utf8.first.map { (97...122).contains($0) } == true
      && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 || $0 == 45 }
  }

  private static func checked(_ permissions: [Permission]) throws -> [Permission] {
    guard permissions.count <= 200 else { throw Problem.invalid("permissions", "too_many", "must be at most 200") }
    let errors = permissions.enumerated().filter { !$0.element.isWellFormed }.map {
      Problem.FieldError(field: "permissions.\($0.offset)", code: "format", message: "must be resource:action")
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return Set(permissions).sorted { $0.rawValue < $1.rawValue }
  }

  private static func checked(description: String) throws -> String {
    guard description.unicodeScalars.count <= 500, !description.utf8.contains(0) else {
      throw Problem.invalid("description", "too_long", "must have at most 500 characters")
    }
    return description
  }
}

extension Principal {
  /// Who manages roles may not rise by it: one gives and takes only what one holds oneself.
  func requireHolding(_ permissions: [Permission]) throws {
    guard permissions.allSatisfy(may) else {
      throw Problem(
        403, "exceeds_own_permissions", "That takes permissions that you do not hold",
        detail: "Ask somebody who holds them.")
    }
  }
}
