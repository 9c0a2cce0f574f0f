import AuthAPI
import GravityContracts

/// A service as the command knows it.
struct CatalogEntry: Sendable {
  var name: String
  /// Without the offset.
  var port: Int
  /// The database's name on PostgreSQL, and the file's without `.sqlite`.
  var database: String
  var endpoints: [any EndpointDescription]
}

/// Every service of the platform: the only list of them.
enum Catalog {
  static let gatewayPort = 8000
  static let auth = CatalogEntry(name: "auth", port: 8001, database: "auth_db", endpoints: AuthAPI.endpoints)
  static let services = [auth]
  static var names: [String] { ["gateway"] + services.map(\.name) }
}
