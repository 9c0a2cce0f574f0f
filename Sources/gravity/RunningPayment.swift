import GravityHTTP
import GravityService
import PaymentServer
import ServiceLifecycle

/// The payment service, prepared to serve.
enum RunningPayment {
  static func start(_ ground: Ground, _ place: ServiceGround) async throws -> RunningService {
    let verifier = try await place.verifier(ground)
    let service = try PaymentService(
      database: place.database, verifier: verifier, logger: place.telemetry.logger("payment"),
      metrics: place.telemetry.metrics)
    let responder = try service.responder(
      settings: try ground.routes(verifier), telemetry: place.telemetry.http)
    return RunningService(services: [ground.relay(place), service.tasks, try ground.server(place, responder)])
  }
}
