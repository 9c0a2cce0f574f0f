import AuthAPI
import AuthServer
import GatewayAPI
import GravityContracts
import GravityData
import GravityPersonalData
import InventoryAPI
import InventoryServer
import NotificationAPI
import NotificationServer
import OrderAPI
import OrderServer
import PaymentAPI
import PaymentServer
import ProductAPI
import ProductServer
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
  /// Whether it drives sagas.
  var hasSagas = false
  /// Whether it answers ``PersonalDataAPI`` and ``UserEvents/erasureRequested``; the user service does so by itself.
  var holdsPersonalData = false
  var migrations: [Migration]
  /// Makes the service ready to run, once its database is migrated.
  var start: @Sendable (Ground, ServiceGround) async throws -> RunningService
}

/// Every service of the platform: the only list of them.
enum Catalog {
  static let gatewayPort = 8000
  private static let receipts: [any EventDescription] = [PersonalDataEvents.erasureAcknowledged]
  static let auth = CatalogEntry(
    name: AuthAPI.service, port: AuthAPI.standardPort, database: "auth_db",
    endpoints: AuthAPI.endpoints + PersonalDataAPI.endpoints(of: AuthAPI.service),
    events: AuthEvents.all + receipts, consumes: true, hasTasks: false, holdsPersonalData: true,
    migrations: AuthService.migrations,
    start: RunningAuth.start)
  static let user = CatalogEntry(
    name: UserAPI.service, port: UserAPI.standardPort, database: "user_db",
    endpoints: UserAPI.endpoints + PersonalDataAPI.endpoints(of: UserAPI.service),
    events: UserEvents.all, consumes: true, hasTasks: true, hasSagas: true, migrations: UserService.migrations,
    start: RunningUser.start
  )
  static let notification = CatalogEntry(
    name: NotificationAPI.service, port: NotificationAPI.standardPort, database: "notif_db",
    endpoints: NotificationAPI.endpoints + PersonalDataAPI.endpoints(of: NotificationAPI.service),
    events: NotificationEvents.all + receipts, consumes: true, hasTasks: true, holdsPersonalData: true,
    migrations: NotificationService.migrations, start: RunningNotification.start)
  static let payment = CatalogEntry(
    name: PaymentAPI.service, port: PaymentAPI.standardPort, database: "payment_db",
    endpoints: PaymentAPI.endpoints + PersonalDataAPI.endpoints(of: PaymentAPI.service),
    events: PaymentEvents.all + receipts, consumes: true, hasTasks: true, holdsPersonalData: true,
    migrations: PaymentService.migrations,
    start: RunningPayment.start)
  static let order = CatalogEntry(
    name: OrderAPI.service, port: OrderAPI.standardPort, database: "order_db",
    endpoints: OrderAPI.endpoints + PersonalDataAPI.endpoints(of: OrderAPI.service),
    events: OrderEvents.all + receipts, consumes: true, hasTasks: false, hasSagas: true, holdsPersonalData: true,
    migrations: OrderService.migrations,
    start: RunningOrder.start)
  static let product = CatalogEntry(
    name: ProductAPI.service, port: ProductAPI.standardPort, database: "product_db", endpoints: ProductAPI.endpoints,
    events: ProductEvents.all, consumes: true, hasTasks: true, migrations: ProductService.migrations,
    start: RunningProduct.start)
  static let inventory = CatalogEntry(
    name: InventoryAPI.service, port: InventoryAPI.standardPort, database: "inventory_db",
    endpoints: InventoryAPI.endpoints, events: InventoryEvents.all, consumes: true, hasTasks: false,
    migrations: InventoryService.migrations, start: RunningInventory.start)
  /// Auth first: the others in its process verify tokens with its keys.
  static let services = [auth, user, notification, payment, order, product, inventory]
  /// What clients may ask of the platform.
  static var endpoints: [any EndpointDescription] { services.flatMap(\.endpoints) + GatewayAPI.endpoints }
  static var names: [String] { ["gateway"] + services.map(\.name) }
}
