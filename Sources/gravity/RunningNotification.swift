import AuthAPI
import Foundation
import GravityContracts
import GravityEvents
import GravityHTTP
import GravityIdentity
import GravityService
import NotificationServer
import OrderAPI
import ServiceLifecycle
import UserAPI

/// The notification service, prepared to serve.
enum RunningNotification {
  static func start(_ ground: Ground, _ place: ServiceGround) async throws -> RunningService {
    let verifier = try await place.verifier(ground)
    let signer = try await ServiceTokenSigner(service: place.entry.name, masterKey: ground.masterKey)
    let auth = CalledService(
      AuthAPI.service, signer, permissions: [RemoteRecipientDirectory.accountPermission], on: ground)
    let users = CalledService(
      UserAPI.service, signer, permissions: [RemoteRecipientDirectory.profilePermission], on: ground)
    let orders = CalledService(OrderAPI.service, signer, permissions: [], on: ground)
    let service: NotificationService
    do {
      service = try NotificationService(
        database: place.database, verifier: verifier,
        directory: RemoteRecipientDirectory(auth: auth.client, users: users.client),
        orders: RemoteOrderReader(orders: orders.client),
        mail: DiskMailTransport(folder: ground.directory.mail.appending(path: "notifications")),
        logger: place.telemetry.logger("notification"), metrics: place.telemetry.metrics)
    } catch let error as NotificationConfigurationError {
      throw StartFailure(.configuration, error.description)
    }
    let heard: [(String, [EventHandler])] = [
      (AuthEvents.userRegistered.family, service.events.ofUsers),
      (AuthEvents.passwordChanged.family, service.events.ofPasswords),
      (AuthEvents.tokenReuseDetected.family, service.events.ofTokens),
      (OrderEvents.orderConfirmed.family, service.events.ofOrders),
    ]
    let consumers: [any Service] = heard.map { place.consumer(ground, $0, $1) }
    let responder = try service.responder(
      settings: try ground.routes(verifier), telemetry: place.telemetry.http)
    return RunningService(
      services: [auth.follower, users.follower, orders.follower, ground.relay(place)] + consumers
        + [service.tasks, try ground.server(place, responder)])
  }
}
