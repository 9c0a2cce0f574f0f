import Foundation
import GravityData
import UserAPI

struct AddressRow: SQLRecord, Hashable {
  var id: UUID
  var user: UUID
  var fields: AddressFields
  var isDefaultShipping: Bool
  var isDefaultBilling: Bool
  /// When it was made, or made a default.
  var usedAt: Date
  var version: Int64
  var createdAt: Date
  var updatedAt: Date

  init(id: UUID, user: UUID, fields: AddressFields, shipping: Bool, billing: Bool, at time: Date) {
    self.id = id
    self.user = user
    self.fields = fields
    isDefaultShipping = shipping
    isDefaultBilling = billing
    usedAt = time
    version = 1
    createdAt = time
    updatedAt = time
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    user = try row.get("user_id")
    fields = try AddressFields(row)
    isDefaultShipping = try row.get("default_shipping")
    isDefaultBilling = try row.get("default_billing")
    usedAt = try row.get("used_at")
    version = try row.get("version")
    createdAt = try row.get("created_at")
    updatedAt = try row.get("updated_at")
  }

  var address: PostalAddress {
    PostalAddress(
      id: id, name: fields.name, company: fields.company, line1: fields.line1, line2: fields.line2, city: fields.city,
      region: fields.region, postalCode: fields.postalCode, country: fields.country, phone: fields.phone,
      defaultShipping: isDefaultShipping, defaultBilling: isDefaultBilling, version: version, createdAt: createdAt,
      updatedAt: updatedAt)
  }
}

extension AddressFields {
  init(_ row: SQLRow) throws {
    name = try row.get("name")
    company = try row.get("company")
    line1 = try row.get("line1")
    line2 = try row.get("line2")
    city = try row.get("city")
    region = try row.get("region")
    postalCode = try row.get("postal_code")
    country = try row.get("country")
    phone = try row.get("phone")
  }
}

/// The table `addresses`; knows no other. Every statement names the user: nobody reaches anybody else's.
struct AddressStore {
  /// What an address can be the default of.
  enum Role: Sendable, CaseIterable {
    case shipping, billing
    fileprivate var column: SQL { self == .shipping ? "default_shipping" : "default_billing" }
  }

  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    id, user_id, name, company, line1, line2, city, region, postal_code, country, phone, default_shipping,
    default_billing, used_at, version, created_at, updated_at
    """

  func find(_ id: UUID, of user: UUID) throws -> AddressRow? {
    try transaction.first("SELECT \(Self.columns) FROM addresses WHERE id = \(id) AND user_id = \(user)")
  }

  /// By age, which is the order of ids.
  func list(of user: UUID, after: UUID?, limit: Int) throws -> [AddressRow] {
    let after: SQL = after.map { "AND id > \($0)" } ?? ""
    return try transaction.all(
      "SELECT \(Self.columns) FROM addresses WHERE user_id = \(user) \(after) ORDER BY id LIMIT \(limit)")
  }

  func count(of user: UUID) throws -> Int {
    try transaction.scalar("SELECT count(*) FROM addresses WHERE user_id = \(user)") ?? 0
  }

  func insert(_ row: AddressRow) throws {
    let fields = row.fields
    try transaction.execute(
      """
      INSERT INTO addresses (\(Self.columns))
      VALUES (\(row.id), \(row.user), \(fields.name), \(fields.company), \(fields.line1), \(fields.line2),
        \(fields.city), \(fields.region), \(fields.postalCode), \(fields.country), \(fields.phone),
        \(row.isDefaultShipping), \(row.isDefaultBilling), \(row.usedAt), \(row.version), \(row.createdAt),
        \(row.updatedAt))
      """)
  }

  /// Writes what may change; the version is the caller's to count.
  func update(_ row: AddressRow) throws {
    let fields = row.fields
    try transaction.execute(
      """
      UPDATE addresses SET name = \(fields.name), company = \(fields.company), line1 = \(fields.line1),
        line2 = \(fields.line2), city = \(fields.city), region = \(fields.region),
        postal_code = \(fields.postalCode), country = \(fields.country), phone = \(fields.phone),
        default_shipping = \(row.isDefaultShipping), default_billing = \(row.isDefaultBilling),
        used_at = \(row.usedAt), version = \(row.version), updated_at = \(row.updatedAt)
      WHERE id = \(row.id) AND user_id = \(row.user)
      """)
  }

  /// Takes the default from the address that has it. To be done before another gets it: there are never two.
  func takeDefault(_ role: Role, of user: UUID, at time: Date) throws {
    try transaction.execute(
      """
      UPDATE addresses SET \(role.column) = \(false), version = version + 1, updated_at = \(time)
      WHERE user_id = \(user) AND \(role.column) = \(true)
      """)
  }

  /// Gives the default to the address that was used last, if there is one.
  func passDefault(_ role: Role, of user: UUID, at time: Date) throws {
    try transaction.execute(
      """
      UPDATE addresses SET \(role.column) = \(true), version = version + 1, updated_at = \(time)
      WHERE id IN (SELECT id FROM addresses WHERE user_id = \(user) ORDER BY used_at DESC, id DESC LIMIT 1)
      """)
  }

  func delete(_ id: UUID, of user: UUID) throws {
    try transaction.execute("DELETE FROM addresses WHERE id = \(id) AND user_id = \(user)")
  }

  func deleteAll(of user: UUID) throws { try transaction.execute("DELETE FROM addresses WHERE user_id = \(user)") }
}
