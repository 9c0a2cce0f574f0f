import Foundation
import GravityData
import GravityTasks
import GravityTelemetry
import Patience
import Testbed
import Testing

@Suite struct MetricsTests {
  @Test("what waits, runs and is dead, how long tasks take and how they end is measured", arguments: Engine.available)
  func metrics(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let metrics = PrometheusMetrics()
      let door = Door()
      var configuration = TaskWorker.Configuration()
      configuration.upkeepInterval = .milliseconds(50)
      let worker = TaskWorker(database: database, configuration: configuration, logger: .silent, metrics: metrics)
      worker.handle(Workshop.number) { number, _ in
        switch number {
        case 1: throw TaskFailure.permanent("dead")
        case 2: await door.pass()
        case 3: throw TaskFailure.retry(after: .seconds(3600))
        default: break
        }
      }
      for n in 0...3 { try await shop.add(n) }
      try await shop.add(4, after: .seconds(3600))
      try await shop.running(worker) {
        for line in [
          "tasks_count{task_type=\"test.number\",task_state=\"waiting\"} 2",
          "tasks_count{task_type=\"test.number\",task_state=\"running\"} 1",
          "tasks_count{task_type=\"test.number\",task_state=\"dead\"} 1",
          "tasks_attempts_total{task_type=\"test.number\",outcome=\"done\"} 1",
          "tasks_attempts_total{task_type=\"test.number\",outcome=\"dead\"} 1",
          "tasks_attempts_total{task_type=\"test.number\",outcome=\"failed\"} 1",
          "tasks_queue_latency_seconds_count{task_type=\"test.number\"} 4",
          "tasks_attempt_duration_seconds_count{task_type=\"test.number\"} 3",
        ] {
          try await eventually("\(line)") { metrics.text().contains(line + "\n") }
        }
        door.open()
        try await eventually("none runs any more") {
          metrics.text().contains("tasks_count{task_type=\"test.number\",task_state=\"running\"} 0\n")
        }
      }
      // Another instance counts from now on.
      #expect(metrics.text().contains("tasks_count{task_type=\"test.number\",task_state=\"dead\"} 0\n"))
    }
  }
}
