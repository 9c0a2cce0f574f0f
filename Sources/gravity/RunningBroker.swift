import GravityData
import GravityDiscovery
import GravityEvents
import GravityService
import GravityTelemetry
import RabbitMQEngine
import ServiceLifecycle

/// The broker that the configuration names.
struct RunningBroker: Sendable {
  let broker: any EventBroker
  /// Where the embedded one keeps its queues.
  let database: (any Database)?

  /// The name of the embedded broker's database.
  static let databaseName = "broker_db"
}

/// Keeps a broker running until everything that uses it has stopped.
struct BrokerService: Service {
  let broker: any EventBroker
  func run() async throws { try await cancelWhenGracefulShutdown { try await broker.run() } }
}

extension RunningBroker {
  /// RabbitMQ where it is named; else queues in a database: a file of this process, or PostgreSQL for all of them.
  init(
    _ configuration: PlatformConfiguration, _ databases: Databases, _ telemetry: ServiceTelemetry
  ) async throws {
    if let url = try configuration.layers.optional(Settings.amqpURL) {
      do {
        let broker = try RabbitMQBroker(
          url: url, logger: telemetry.logger("broker"), metrics: telemetry.metrics)
        self.init(broker: broker, database: nil)
        return
      } catch let error {
        throw StartFailure(.configuration, "GRAVITY_AMQP_URL: \(error.description)")
      }
    }
    let database = try await databases.prepare(Self.databaseName, DatabaseBroker.migrations, telemetry)
    self.init(broker: DatabaseBroker(database: database, logger: telemetry.logger("broker")), database: database)
  }
}
