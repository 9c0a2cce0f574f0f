import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import UserAPI

/// One's addresses. As soon as there is one, exactly one is the default for shipping and exactly one for billing.
struct AddressBook: Sendable {
  let core: UserCore
  let profiles: Profiles

  static let greatestCount = 50

  func list(_ request: PageRequest, of principal: Principal) async throws -> Page<PostalAddress> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map { try $0.id }
    let user = try await profiles.own(principal).id
    let rows = try await core.read { transaction, _ in
      try AddressStore(transaction).list(of: user, after: after, limit: limit + 1)
    }
    return Page(fetched: rows.map(\.address), limit: limit) { Cursor([$0.id.lowercased]) }
  }

  func find(_ id: UUID, of principal: Principal) async throws -> PostalAddress {
    let user = try await profiles.own(principal).id
    return try await core.read { transaction, _ in try Self.existing(id, of: user, transaction).address }
  }

  func create(
    _ request: NewPostalAddress, by principal: Principal, once key: IdempotencyKey?
  ) async throws -> Once<PostalAddress> {
    let fields = try AddressFields(checking: request)
    let user = try await profiles.own(principal).id
    let id = core.newID()
    return try await core.database.write(once: key) { [core] transaction in
      try transaction.lock(UserRow.lockName(user))
      let now = try core.now(transaction)
      _ = try core.writableRow(user, transaction)
      let store = AddressStore(transaction)
      let count = try store.count(of: user)
      guard count < Self.greatestCount else {
        throw Problem(409, "too_many_addresses", "There are \(Self.greatestCount) addresses already")
      }
      let (shipping, billing) = (
        request.defaultShipping == true || count == 0, request.defaultBilling == true || count == 0
      )
      if shipping { try store.takeDefault(.shipping, of: user, at: now) }
      if billing { try store.takeDefault(.billing, of: user, at: now) }
      let row = AddressRow(id: id, user: user, fields: fields, shipping: shipping, billing: billing, at: now)
      try store.insert(row)
      return row.address
    }
  }

  func update(
    _ request: PostalAddressUpdate, by principal: Principal, _ precondition: Precondition
  ) async throws -> PostalAddress {
    let user = try await profiles.own(principal).id
    return try await core.write(of: user) { [core] transaction, now in
      _ = try core.writableRow(user, transaction)
      let old = try Self.existing(request.id, of: user, transaction)
      try precondition.require(old.address.entityTag)
      let wanted = try old.fields.changed(by: request)
      var row = old
      // What was taken under former rules stays good until somebody changes it.
      if request.touchesFields { row.fields = try AddressFields(checking: wanted) }
      try Self.refuseGivingUp(old, request)
      row.isDefaultShipping = old.isDefaultShipping || wanted.defaultShipping == true
      row.isDefaultBilling = old.isDefaultBilling || wanted.defaultBilling == true
      guard row != old else { return old.address }
      let store = AddressStore(transaction)
      if row.isDefaultShipping != old.isDefaultShipping { try store.takeDefault(.shipping, of: user, at: now) }
      if row.isDefaultBilling != old.isDefaultBilling { try store.takeDefault(.billing, of: user, at: now) }
      if wanted.defaultShipping == true || wanted.defaultBilling == true { row.usedAt = now }
      row.version += 1
      row.updatedAt = now
      try store.update(row)
      return row.address
    }
  }

  func delete(_ id: UUID, by principal: Principal, _ precondition: Precondition) async throws {
    let user = try await profiles.own(principal).id
    try await core.write(of: user) { [core] transaction, now in
      _ = try core.writableRow(user, transaction)
      let row = try Self.existing(id, of: user, transaction)
      try precondition.require(row.address.entityTag)
      let store = AddressStore(transaction)
      try store.delete(id, of: user)
      if row.isDefaultShipping { try store.passDefault(.shipping, of: user, at: now) }
      if row.isDefaultBilling { try store.passDefault(.billing, of: user, at: now) }
    }
  }

  /// Somebody else's is as unknown as one that never was.
  private static func existing(_ id: UUID, of user: UUID, _ transaction: any Transaction) throws -> AddressRow {
    guard let row = try AddressStore(transaction).find(id, of: user) else { throw Problem.notFound("address") }
    return row
  }

  private static func refuseGivingUp(_ row: AddressRow, _ request: PostalAddressUpdate) throws {
    let given = [
      ("default_shipping", row.isDefaultShipping, request.defaultShipping),
      ("default_billing", row.isDefaultBilling, request.defaultBilling),
    ].filter { $0.1 && $0.2 == .value(false) }
    guard given.isEmpty else {
      throw Problem.invalid(
        given.map { .init(field: $0.0, code: "required", message: "give it to another address instead") })
    }
  }
}
