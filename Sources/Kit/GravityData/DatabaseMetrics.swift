import Dispatch
package import Metrics

/// The engines' metrics, named after OpenTelemetry's semantic conventions for database clients.
package struct DatabaseMetrics: Sendable {
  package enum Operation: String, Sendable, CaseIterable { case rows, read, write }

  private let succeeded: [Timer]
  private let failed: [Timer]
  private let idle: Gauge
  private let used: Gauge
  private let pending: Gauge
  private let retries: Counter

  /// - Parameters:
  ///   - system: `sqlite` or `postgresql`, the value of `db.system.name`.
  ///   - name: which database, the value of `db.namespace`.
  ///   - factory: the process's own when nil.
  package init(system: String, name: String, factory: (any MetricsFactory)?) {
    let factory = factory ?? MetricsSystem.factory
    let database = [("db.system.name", system), ("db.namespace", name)]
    func timers(_ extra: [(String, String)]) -> [Timer] {
      Operation.allCases.map {
        Timer(
          label: "db.client.operation.duration", dimensions: database + [("db.operation.name", $0.rawValue)] + extra,
          factory: factory)
      }
    }
    func connections(_ state: String) -> Gauge {
      Gauge(
        label: "db.client.connection.count", dimensions: database + [("db.client.connection.state", state)],
        factory: factory)
    }
    succeeded = timers([])
    failed = timers([("error.type", "_OTHER")])
    idle = connections("idle")
    used = connections("used")
    pending = Gauge(label: "db.client.connection.pending_requests", dimensions: database, factory: factory)
    retries = Counter(label: "db.client.transaction.retries", dimensions: database, factory: factory)
  }

  package func measuring<T>(
    _ operation: Operation, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
  ) async throws -> T {
    let start = DispatchTime.now().uptimeNanoseconds
    let index = operation == .rows ? 0 : operation == .read ? 1 : 2
    do {
      let result = try await body()
      succeeded[index].recordNanoseconds(Int64(DispatchTime.now().uptimeNanoseconds &- start))
      return result
    } catch {
      failed[index].recordNanoseconds(Int64(DispatchTime.now().uptimeNanoseconds &- start))
      throw error
    }
  }

  package func connections(idle: Int, used: Int, waiting: Int) {
    self.idle.record(idle)
    self.used.record(used)
    pending.record(waiting)
  }

  package func retried() { retries.increment() }
}
