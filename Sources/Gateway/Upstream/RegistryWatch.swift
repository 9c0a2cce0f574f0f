import GravityDiscovery
import NIOCore

/// Follows the registry: each change reaches every event loop, without a restart and without a dropped request. While
/// the registry is away, or when it ends its stream, the last known set stays.
struct RegistryWatch: Sendable {
  let registry: any Registry
  let directory: UpstreamDirectory
  let workers: WorkerSet
  /// Nanoseconds of the monotonic clock.
  let now: @Sendable () -> Int64

  /// How long the first sets are waited for before connections are taken.
  private static let patience: Duration = .seconds(2)

  /// Follows how the gateways are spread over zones, which says how many requests a zone has to take.
  func watchGateways(named service: String, in tasks: inout ThrowingTaskGroup<Void, any Error>) {
    let stream = registry.instances(of: service)
    tasks.addTask { [workers] in
      for await set in stream {
        await workers.update(gateways: Dictionary(set.compactMap(\.zone).map { ($0, 1) }, uniquingKeysWith: +))
      }
    }
  }

  /// Starts to watch, and returns when every service's first set is in force or patience ends.
  func start(in tasks: inout ThrowingTaskGroup<Void, any Error>) async {
    let (firsts, continuation) = AsyncStream.makeStream(of: Void.self)
    for (index, service) in directory.services.enumerated() {
      let stream = registry.instances(of: service)
      tasks.addTask {
        var isFirst = true
        for await set in stream {
          await workers.update(service: index, directory.update(index, set, now: now()))
          if isFirst { continuation.yield() }
          isFirst = false
        }
        if isFirst { continuation.yield() }
      }
    }
    let count = directory.services.count
    await withTaskGroup(of: Void.self) { race in
      race.addTask {
        guard count > 0 else { return }
        var seen = 0
        for await _ in firsts {
          seen += 1
          if seen == count { return }
        }
      }
      race.addTask { try? await Task.sleep(for: Self.patience) }
      await race.next()
      race.cancelAll()
    }
    continuation.finish()
  }
}
