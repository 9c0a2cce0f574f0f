import CoreMetrics
import NIOCore

/// Named after OpenTelemetry's semantic conventions for database clients; what they do not have is
/// `db.client.redis.*`.
struct RedisMetrics: Sendable {
  private let factory: any MetricsFactory
  private let dimensions: [(String, String)]
  private let connections: Gauge
  let disconnected: Counter
  /// A feed's reader was too slow, or its connection broke: it may have missed something.
  let missed: Counter

  init(database: Int, factory: (any MetricsFactory)?) {
    let factory = factory ?? MetricsSystem.factory
    self.factory = factory
    dimensions = [("db.system.name", "redis"), ("db.namespace", String(database))]
    connections = Gauge(
      label: "db.client.connection.count", dimensions: dimensions + [("db.client.connection.state", "used")],
      factory: factory)
    disconnected = Counter(label: "db.client.redis.disconnections", dimensions: dimensions, factory: factory)
    missed = Counter(label: "db.client.redis.feed.gaps", dimensions: dimensions, factory: factory)
  }

  func connected(_ isUp: Bool) {
    connections.record(isUp ? 1 : 0)
    if !isUp { disconnected.increment() }
  }

  func operation(_ command: String, script: String?) -> RedisOperation {
    var dimensions = dimensions + [("db.operation.name", command)]
    if let script { dimensions.append(("db.stored_procedure.name", script)) }
    func timer(_ extra: [(String, String)]) -> Timer {
      Timer(label: "db.client.operation.duration", dimensions: dimensions + extra, factory: factory)
    }
    return RedisOperation(
      name: script.map { "\(command) \($0)" } ?? command, succeeded: timer([]),
      failed: timer([("error.type", "_OTHER")]))
  }
}

/// A kind of command: what it is called in errors, and where its times go. Made once, not for each command.
package struct RedisOperation: Sendable {
  /// `GET`, `EVALSHA cache_put`.
  package let name: String
  private let succeeded: Timer
  private let failed: Timer

  init(name: String, succeeded: Timer, failed: Timer) {
    self.name = name
    self.succeeded = succeeded
    self.failed = failed
  }

  func succeeded(since start: NIODeadline) { succeeded.recordNanoseconds((NIODeadline.now() - start).nanoseconds) }
  func failed(since start: NIODeadline) { failed.recordNanoseconds((NIODeadline.now() - start).nanoseconds) }
}

extension RedisClient {
  package func operation(_ command: String) -> RedisOperation { metrics.operation(command, script: nil) }
}
