import GravityContracts
import GravityHTTP
import GravityService
import InventoryServer
import OrderAPI
import ServiceLifecycle

/// The inventory service, prepared to serve.
enum RunningInventory {
  static func start(_ ground: Ground, _ place: ServiceGround) async throws -> RunningService {
    let verifier = try await place.verifier(ground)
    let service = try InventoryService(
      database: place.database, verifier: verifier, logger: place.telemetry.logger("inventory"),
      metrics: place.telemetry.metrics)
    let consumer = place.consumer(ground, OrderEvents.orderCanceled.family, service.orderEvents)
    let responder = try service.responder(
      settings: try ground.routes(verifier), telemetry: place.telemetry.http)
    return RunningService(services: [
      ground.relay(place), consumer, service.tasks, try ground.server(place, responder),
    ])
  }
}
