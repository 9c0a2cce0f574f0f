import ConsulEngine
import Foundation
import GravityDiscovery
import Logging
import NIOPosix

/// How soon a registration and a departure are seen by another process's watch, through a real agent: CONSUL_HTTP_ADDR.
///
/// It prints milliseconds from the call to the set.
@main
struct DiscoveryBench {
  static let rounds = 60

  static func main() async throws {
    guard let address = ProcessInfo.processInfo.environment["CONSUL_HTTP_ADDR"] else {
      print("set CONSUL_HTTP_ADDR; `Benchmarks/discovery/run` starts an agent and does")
      exit(64)
    }
    let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
    let agents = try (0..<2).map { _ in
      try ConsulAgent(
        ConsulSettings(address: try ConsulAddress(address)), eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
        logger: logger)
    }
    let (sender, receiver) = (ConsulRegistry(agents[0], logger: logger), ConsulRegistry(agents[1], logger: logger))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for agent in agents { group.addTask { try await agent.run() } }
      for registry in [sender, receiver] { group.addTask { try await registry.run() } }
      let service = "bench-\(UUID().uuidString.prefix(8).lowercased())"
      let (came, went) = try await measure(service, sender, receiver)
      report("registered → seen", came)
      report("taken out → seen", went)
      group.cancelAll()
    }
    for agent in agents { try await agent.shutdown() }
  }

  nonisolated private static func measure(
    _ service: String, _ sender: ConsulRegistry, _ receiver: ConsulRegistry
  ) async throws -> (came: [Double], went: [Double]) {
    var sets = receiver.instances(of: service).makeAsyncIterator()
    _ = await sets.next()
    var (came, went): ([Double], [Double]) = ([], [])
    for round in 0..<rounds {
      let instance = ServiceInstance(id: "\(service)-\(round)", service: service, host: "127.0.0.1", port: 9)
      var start = ContinuousClock.now
      try await sender.register(instance)
      while let set = await sets.next(), set.isEmpty {}
      came.append(start.duration(to: .now) / .milliseconds(1))
      start = .now
      try await sender.deregister(id: instance.id)
      while let set = await sets.next(), !set.isEmpty {}
      went.append(start.duration(to: .now) / .milliseconds(1))
      // Within the watch's budget of answers, as a deployment is.
      try await Task.sleep(for: .milliseconds(500))
    }
    return (came, went)
  }

  private static func report(_ what: String, _ values: [Double]) {
    let sorted = values.sorted()
    func at(_ share: Double) -> String {
      String(format: "%.1f", sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))])
    }
    print("\(what): median \(at(0.5)) ms, p90 \(at(0.9)) ms, greatest \(at(1)) ms of \(values.count)")
  }
}
