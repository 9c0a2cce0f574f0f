import Foundation
import GravityContracts
import GravityDiscovery
import GravityEvents
import GravityHTTP
import GravityIdentity
import GravityService
import InventoryAPI
import OrderAPI
import OrderServer
import PaymentAPI
import ProductAPI
import ServiceLifecycle
import UserAPI

/// The order service, prepared to serve.
enum RunningOrder {
  static func start(_ ground: Ground, _ place: ServiceGround) async throws -> RunningService {
    let tokens = try await ground.credentials.tokens(of: place.entry.name)
    let product = CalledService(ProductAPI.service, tokens, permissions: [], on: ground)
    let inventory = CalledService(InventoryAPI.service, tokens, permissions: [InventoryAPI.reserve], on: ground)
    let payment = CalledService(
      PaymentAPI.service, tokens, permissions: [PaymentAPI.readPermission, PaymentAPI.writePermission], on: ground)
    let verifier = try await place.verifier(ground)
    let service: OrderService
    do {
      service = try OrderService(
        database: place.database, verifier: verifier, catalogue: RemoteCatalogue(product: product.client),
        stock: RemoteStockKeeper(inventory: inventory.client), cashier: RemoteCashier(payment: payment.client),
        configuration: try configuration(ground), isAlone: ground.isAlone, logger: place.telemetry.logger("order"),
        metrics: place.telemetry.metrics)
    } catch let error as OrderConfigurationError {
      throw StartFailure(.configuration, error.description)
    }
    let responder = try service.responder(
      settings: try ground.routes(verifier), telemetry: place.telemetry.http)
    return RunningService(services: [
      product.follower, inventory.follower, payment.follower, ground.relay(place),
      place.consumer(ground, PaymentEvents.authorized.family, service.paymentEvents),
      place.consumer(ground, UserEvents.erasureRequested.family, service.userEvents),
      place.consumer(ground, PaymentEvents.refundSucceeded.family, service.refundEvents), service.tasks,
      try ground.server(place, responder),
    ])
  }

  private static func configuration(_ ground: Ground) throws -> OrderConfiguration {
    var configuration = OrderConfiguration()
    let layers = ground.configuration.layers
    configuration.paymentWindow = try layers.value(Settings.paymentWindow)
    configuration.cancelWindow = try layers.value(Settings.cancelWindow)
    configuration.taxes = try layers.optional(Settings.orderTaxes) ?? [:]
    configuration.shipping = try layers.optional(Settings.orderShipping) ?? [:]
    return configuration
  }
}
