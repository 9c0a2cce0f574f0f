import Gateway
import GravityIdentity
import GravityLimits
import Logging

/// Three gateways of one registry's knowledge before one upstream, with one store of limits.
enum ThreeGateways {
  /// - Parameter log: Of the first of them, as are `metrics`.
  static func run(
    _ store: TestLimitStore, routes: [Route] = RunningGateway.routes, log: KeptLog = KeptLog(),
    metrics: KeptMetrics = KeptMetrics(),
    configure: @escaping @Sendable (inout GatewayConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable ([RunningGateway]) async throws -> Void
  ) async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    // Small tables: what all tests of this process have at a time is looked at by some.
    let configure: @Sendable (inout GatewayConfiguration) -> Void = {
      $0.limits.limitedCallers = 512
      $0.sharedLimits.leasedCallers = 512
      configure(&$0)
    }
    @Sendable func another(_ body: @escaping @Sendable (RunningGateway) async throws -> Void) async throws {
      try await RunningGateway.run([], routes: routes, limitStore: store, gateways: 3, configure: configure, body)
    }
    try await RunningGateway.run(
      [upstream], routes: routes, limitStore: store, gateways: 3, logger: log.logger, metrics: metrics,
      configure: configure
    ) { first in
      try await another { second in
        try await another { third in
          second.use(upstream)
          third.use(upstream)
          try await body([first, second, third])
        }
      }
    }
  }

  /// Statuses of so many requests to each gateway, over so many connections to each, all at the same time.
  static func load(
    _ gateways: [RunningGateway], _ path: String, connections: Int, requests: Int
  ) async throws -> [[Int]] {
    try await withThrowingTaskGroup(of: (Int, [Int]).self) { tasks in
      for (index, gateway) in gateways.enumerated() {
        for _ in 0..<connections {
          tasks.addTask {
            let client = try await gateway.connect()
            var statuses: [Int] = []
            for _ in 0..<requests {
              try await client.send("GET \(path) HTTP/1.1\r\nhost: test\r\n\r\n")
              statuses.append(try await client.response().status)
            }
            await client.close()
            return (index, statuses)
          }
        }
      }
      var result = [[Int]](repeating: [], count: gateways.count)
      for try await (index, statuses) in tasks { result[index] += statuses }
      return result
    }
  }
}

extension [[Int]] {
  func count(_ status: Int) -> Int { joined().count { $0 == status } }
}
