import AuthAPI
import Foundation
import GravityContracts
import GravityData

struct ClientRow: SQLRecord, Hashable, Codable {
  var id: UUID
  var name: String
  var authentication: Client.Authentication
  var grants: [Client.Grant]
  var scopes: [String]
  var redirectURIs: [String]
  var postLogoutRedirectURIs: [String]
  var keys: ClientKeySet?
  var firstParty: Bool
  var enabled: Bool
  /// As that of an account: counts up when its tokens are revoked as a whole.
  var epoch: Int64
  var version: Int64
  var createdAt: Date
  var updatedAt: Date

  init(_ new: NewClient, id: UUID, at time: Date) {
    self.id = id
    name = PersonName.trimmed(new.name)
    authentication = new.authentication ?? .secretBasic
    grants = new.grants
    scopes = new.scopes ?? []
    redirectURIs = new.redirectURIs ?? []
    postLogoutRedirectURIs = new.postLogoutRedirectURIs ?? []
    keys = new.keys
    firstParty = new.firstParty ?? false
    enabled = true
    epoch = 0
    version = 1
    createdAt = time
    updatedAt = time
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    name = try row.get("name")
    let method: String = try row.get("authentication")
    guard let authentication = Client.Authentication(rawValue: method) else {
      throw SQLMismatch(.text(method), wanted: "authentication")
    }
    self.authentication = authentication
    grants = try row.get("grants", as: SQLJSON<[Client.Grant]>.self).value
    scopes = try row.get("scopes", as: SQLJSON<[String]>.self).value
    redirectURIs = try row.get("redirect_uris", as: SQLJSON<[String]>.self).value
    postLogoutRedirectURIs = try row.get("post_logout_redirect_uris", as: SQLJSON<[String]>.self).value
    keys = try row.get("keys", as: SQLJSON<ClientKeySet>?.self)?.value
    firstParty = try row.get("first_party")
    enabled = try row.get("enabled")
    epoch = try row.get("epoch")
    version = try row.get("version")
    createdAt = try row.get("created_at")
    updatedAt = try row.get("updated_at")
  }

  /// The scopes that are permissions.
  var permissions: [Permission] { scopes.map(Permission.init(rawValue:)).filter(\.isWellFormed) }

  /// What whoever decides over it has to hold: what it may be given. Of the platform's own everything, since nobody is
  /// asked before it is let in, and since it decides over how somebody gets in (``Principal/requireOwnApp(_:)``).
  var governing: [Permission] { firstParty ? ["*:*"] : permissions }

  var hasSecrets: Bool { authentication == .secretBasic || authentication == .secretPost }

  func client(secrets: [ClientSecretInfo]) -> Client {
    Client(
      id: id, name: name, authentication: authentication, grants: grants, scopes: scopes, redirectURIs: redirectURIs,
      postLogoutRedirectURIs: postLogoutRedirectURIs, keys: keys, firstParty: firstParty, builtIn: isBuiltIn,
      enabled: enabled, secrets: secrets, version: version, createdAt: createdAt, updatedAt: updatedAt)
  }
}

/// The table `oauth_clients`; knows no other.
struct ClientStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    id, name, authentication, grants, scopes, redirect_uris, post_logout_redirect_uris, keys, first_party, enabled,
    epoch, version, created_at, updated_at
    """

  /// Does nothing where there is one with that id.
  func insert(_ row: ClientRow) throws {
    try transaction.execute(
      """
      INSERT INTO oauth_clients (\(Self.columns))
      VALUES (\(row.id), \(row.name), \(row.authentication.rawValue), \(try SQLJSON(row.grants)),
        \(try SQLJSON(row.scopes)), \(try SQLJSON(row.redirectURIs)), \(try SQLJSON(row.postLogoutRedirectURIs)),
        \(try row.keys.map { try SQLJSON($0) }), \(row.firstParty), \(row.enabled), \(row.epoch), \(row.version),
        \(row.createdAt), \(row.updatedAt))
      ON CONFLICT (id) DO NOTHING
      """)
  }

  func find(_ id: UUID) throws -> ClientRow? {
    try transaction.first("SELECT \(Self.columns) FROM oauth_clients WHERE id = \(id)")
  }

  /// A client as it is now, not as ``KnownClients`` has it.
  /// - Returns: nil where it is switched off, or may not use `grant` or get all of `scopes` any more.
  func find(_ id: UUID, using grant: Client.Grant, for scopes: [String]) throws -> ClientRow? {
    guard let row = try find(id), row.enabled, row.grants.contains(grant), Set(scopes).isSubset(of: row.scopes) else {
      return nil
    }
    return row
  }

  /// By age, which is the order of ids.
  func list(after: UUID?, limit: Int) throws -> [ClientRow] {
    let after: SQL = after.map { "WHERE id > \($0)" } ?? ""
    return try transaction.all("SELECT \(Self.columns) FROM oauth_clients \(after) ORDER BY id LIMIT \(limit)")
  }

  func count() throws -> Int { try transaction.scalar("SELECT count(*) FROM oauth_clients") ?? 0 }

  /// Writes what may change. Counts the version up.
  func update(_ row: ClientRow, at time: Date) throws -> ClientRow {
    var row = row
    row.version += 1
    row.updatedAt = time
    try transaction.execute(
      """
      UPDATE oauth_clients SET name = \(row.name), grants = \(try SQLJSON(row.grants)),
        scopes = \(try SQLJSON(row.scopes)), redirect_uris = \(try SQLJSON(row.redirectURIs)),
        post_logout_redirect_uris = \(try SQLJSON(row.postLogoutRedirectURIs)),
        keys = \(try row.keys.map { try SQLJSON($0) }), first_party = \(row.firstParty), enabled = \(row.enabled),
        epoch = \(row.epoch), version = \(row.version), updated_at = \(row.updatedAt)
      WHERE id = \(row.id)
      """)
    return row
  }

  func delete(_ id: UUID) throws { try transaction.execute("DELETE FROM oauth_clients WHERE id = \(id)") }
}
