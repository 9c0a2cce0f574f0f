import GravityDiscovery
import NIOCore

/// Follows the routes and, for each service that they name, the registry: each change reaches every event loop, without
/// a restart and without a dropped request. While the registry is away, or when it ends its stream, the last known set
/// stays.
struct RegistryWatch: Sendable {
  let registry: any Registry
  let directory: UpstreamDirectory
  let control: RouteControl
  let workers: WorkerSet
  let shadowReports: ShadowReports
  /// Nanoseconds of the monotonic clock.
  let now: @Sendable () -> Int64

  /// How long the first sets of services that are new are waited for before requests are sent to them.
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

  /// Until the task is cancelled.
  func run() async {
    await withDiscardingTaskGroup { tasks in
      var watched: [String: AsyncStream<Void>.Continuation] = [:]
      for await _ in control.wakes {
        let changes = control.take()
        guard let set = changes.last?.set else { continue }
        await take(set, &watched, &tasks)
        for change in changes { change.done.resume(returning: nil) }
      }
      tasks.cancelAll()
    }
    control.end()
  }

  private func take(
    _ set: RouteSet, _ watched: inout [String: AsyncStream<Void>.Continuation], _ tasks: inout DiscardingTaskGroup
  ) async {
    let (firsts, first) = AsyncStream.makeStream(of: Void.self)
    var count = 0
    for (service, health) in set.health {
      if watched[service] != nil {
        directory.look(at: service, health)
        continue
      }
      let (stopped, stop) = AsyncStream.makeStream(of: Void.self)
      watched[service] = stop
      count += 1
      let entry = directory.add(service, health)
      tasks.addTask { await follow(service, entry, until: stopped, first) }
    }
    await Self.wait(for: count, firsts)
    first.finish()
    shadowReports.follow(set.policies)
    await workers.take(set)
    for service in watched.keys where set.health[service] == nil {
      watched.removeValue(forKey: service)?.finish()
      directory.remove(service)
    }
  }

  private static func wait(for count: Int, _ firsts: AsyncStream<Void>) async {
    guard count > 0 else { return }
    await withTaskGroup(of: Void.self) { race in
      race.addTask {
        var seen = 0
        for await _ in firsts {
          seen += 1
          if seen == count { return }
        }
      }
      race.addTask { try? await Task.sleep(for: patience) }
      await race.next()
      race.cancelAll()
    }
  }

  private func follow(
    _ service: String, _ entry: Int, until stopped: AsyncStream<Void>, _ first: AsyncStream<Void>.Continuation
  ) async {
    await withTaskGroup(of: Void.self) { race in
      race.addTask {
        var isFirst = true
        for await set in registry.instances(of: service) {
          guard directory.update(service, entry, set, now: now()) else { return }
          await workers.refresh(service)
          if isFirst { first.yield() }
          isFirst = false
        }
        if isFirst { first.yield() }
      }
      race.addTask { for await _ in stopped {} }
      await race.next()
      race.cancelAll()
    }
  }
}
