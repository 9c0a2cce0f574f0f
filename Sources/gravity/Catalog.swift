import AuthAPI
import AuthServer
import GravityContracts
import GravityData
import UserAPI
import UserServer

/// A service as the command knows it.
struct CatalogEntry: Sendable {
  var name: String
  /// Without the offset.
  var port: Int
  /// The database's name on PostgreSQL, and the file's without `.sqlite`.
  var database: String
  var endpoints: [any EndpointDescription]
  var events: [any EventDescription]
  /// Whether it takes events of other services, and so may have dead letters.
  var consumes: Bool
  /// Whether it has task queues.
  var hasTasks: Bool
  var migrations: [Migration]
  /// Makes the service ready to run, once its database is migrated.
  var start: @Sendable (Ground, ServiceGround) async throws -> RunningService
}

/// Every service of the platform: the only list of them.
enum Catalog {
  static let gatewayPort = 8000
  static let auth = CatalogEntry(
    name: AuthAPI.service, port: AuthAPI.standardPort, database: "auth_db", endpoints: AuthAPI.endpoints,
    events: AuthEvents.all, consumes: false, hasTasks: false, migrations: AuthService.migrations,
    start: RunningAuth.start)
  static let user = CatalogEntry(
    name: UserAPI.service, port: UserAPI.standardPort, database: "user_db", endpoints: UserAPI.endpoints,
    events: UserEvents.all, consumes: true, hasTasks: true, migrations: UserService.migrations, start: RunningUser.start
  )
  /// Auth first: the others in its process verify tokens with its keys.
  static let services = [auth, user]
  static var names: [String] { ["gateway"] + services.map(\.name) }
}
