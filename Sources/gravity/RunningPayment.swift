import GravityContracts
import GravityDiscovery
import GravityHTTP
import GravityService
import PaymentServer
import ServiceLifecycle
import UserAPI

/// The payment service, prepared to serve.
enum RunningPayment {
  static func start(_ ground: Ground, _ place: ServiceGround) async throws -> RunningService {
    let verifier = try await place.verifier(ground)
    var configuration = PaymentConfiguration()
    configuration.webhookSecrets = try ground.configuration.layers.optional(Settings.webhookSecrets) ?? [:]
    let service = try PaymentService(
      database: place.database, verifier: verifier, configuration: configuration,
      logger: place.telemetry.logger("payment"), metrics: place.telemetry.metrics)
    let responder = try service.responder(
      settings: try ground.routes(verifier), telemetry: place.telemetry.http)
    return RunningService(services: [
      ground.relay(place), place.consumer(ground, UserEvents.erasureRequested.family, service.userEvents),
      service.tasks, try ground.server(place, responder),
    ])
  }
}
