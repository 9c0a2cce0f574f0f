// What a decision about a request costs: from this gateway's own table, from a lease, and by a round trip to the store.
// Usage: limitsbench [SECONDS]      (release build; 1 second for each row by default)
import CoreMetrics
import Dispatch
import Foundation
import Gateway
import GravityLimits
import Logging
import NIOCore
import NIOPosix
import Synchronization

let seconds = CommandLine.arguments.count > 1 ? Double(CommandLine.arguments[1]) ?? 1 : 1
let now: @Sendable () -> Int64 = { Int64(bitPattern: NIODeadline.now().uptimeNanoseconds) }
let limit = RateLimit(requests: 1_000_000_000, per: .seconds(60))
let settings = SharedLimitSettings()
let policy = LimitPolicy(limit, salt: 1, sharing: settings)
let callers = 10_000
let names = (0..<callers).map { "subject:\($0)" }
let keys = (0..<callers).map { policy.key(UInt64($0) &* 0x9E37_79B9_7F4A_7C15) }
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

func leases(_ store: any LimitStore) -> LimitLeases {
  LimitLeases(
    store: store, settings: settings, local: RateLimiter(capacity: 262_144),
    metrics: LimitMetrics(factory: NOOPMetricsHandler.instance), logger: Logger(label: "limitsbench"), now: now)
}

/// Decisions of all threads, and nanoseconds of a thread for each, with those of reading the clock.
func measure(threads: Int, _ decide: @escaping @Sendable (Int, Int64) -> Bool) async -> (count: Int, each: Double) {
  let end = now() + Int64(seconds * 1e9)
  let sums = await withTaskGroup(of: (Int, Int64).self) { tasks in
    for thread in 0..<threads {
      tasks.addTask {
        var (count, place, admitted) = (0, thread * 7, 0)
        let start = now()
        var time = start
        while time < end {
          // One reading of the clock for each decision, as a request has.
          for _ in 0..<64 {
            time = now()
            place = (place + 1) % callers
            if decide(place, time) { admitted += 1 }
          }
          count += 64
          // The tasks of the leases are to have their turn on a small machine.
          await Task.yield()
        }
        precondition(admitted > 0, "nothing was admitted")
        return (count, time - start)
      }
    }
    return await tasks.reduce(into: (0, Int64(0))) { ($0.0, $0.1) = ($0.0 + $1.0, $0.1 + $1.1) }
  }
  return (sums.0, Double(sums.1) / Double(sums.0))
}

func row(_ name: String, _ count: Int, _ nanoseconds: Double, _ note: String = "") {
  print("| \(name) | \(count) | \(String(format: "%.0f", nanoseconds)) | \(note) |")
}

/// Asks the store for every request, as small limits do; so many wait at a time.
func roundTrips(_ leases: LimitLeases, waiting: Int) async throws -> (count: Int, each: Double) {
  let end = now() + Int64(seconds * 1e9)
  let start = now()
  let counts = try await withThrowingTaskGroup(of: Int.self) { tasks in
    for task in 0..<waiting {
      tasks.addTask {
        var (count, place) = (0, task * 131)
        while now() < end {
          place = (place + 1) % callers
          let promise = group.next().makePromise(of: ClaimOutcome.self)
          let name = names[place]
          precondition(
            leases.ask(keys[place], policy, besides: 0, waiting: promise) { policy.bucketName(name) })
          guard case .decided = try await promise.futureResult.get() else {
            throw LimitStoreError("the store did not answer")
          }
          count += 1
        }
        return count
      }
    }
    return try await tasks.reduce(0, +)
  }
  return (counts, Double(now() - start) / Double(counts))
}

print("load average before: \(loadAverage()), \(ProcessInfo.processInfo.activeProcessorCount) cores\n")
print("| decision | decisions | ns each | |\n|---|---|---|---|")
let clock = await measure(threads: 1) { place, time in time &+ Int64(place) != 0 }
row("the clock alone", clock.count, clock.each)
for threads in [1, 2] {
  let table = RateLimiter(capacity: 262_144)
  let local = await measure(threads: threads) { table.take(keys[$0], policy, now: $1).isAdmitted }
  row("local table, \(threads) thread(s)", local.count, local.each)
}
for threads in [1, 2] {
  let asked = Atomic(0)
  let shared = leases(InMemoryLimitStore())
  await withTaskGroup(of: Void.self) { tasks in
    tasks.addTask { await shared.run() }
    let loop = group.next()
    let result = await measure(threads: threads) { place, time in
      let name = { policy.bucketName(names[place]) }
      switch shared.take(keys[place], policy, now: time, name: name) {
      case .decided(let decision): return decision.isAdmitted
      case .ask(let besides):
        // A request would wait now; that is the other rows.
        asked.add(1, ordering: .relaxed)
        let promise = loop.makePromise(of: ClaimOutcome.self)
        if !shared.ask(keys[place], policy, besides: besides, waiting: promise, name: name) {
          promise.succeed(.unanswered)
        }
        return false
      }
    }
    let share = 100 * Double(asked.load(ordering: .relaxed)) / Double(result.count)
    row(
      "lease, \(threads) thread(s)", result.count, result.each,
      String(format: "%.2f %% would have waited, refills included", share))
    tasks.cancelAll()
  }
}
let server = try await LoopbackStore.serve(on: group)
for waiting in [1, 64] {
  let shared = leases(try await LoopbackStore(port: server.localAddress?.port ?? 0, group: group))
  try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask { await shared.run() }
    let result = try await roundTrips(shared, waiting: waiting)
    row(
      "round trip over loopback, \(waiting) waiting", result.count, result.each,
      "each waited \(String(format: "%.2f", result.each * Double(waiting) / 1e6)) ms")
    tasks.cancelAll()
  }
}
try await server.close(mode: .all).get()
try await group.shutdownGracefully()
print("\nload average after: \(loadAverage())")

func loadAverage() -> String {
  (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8))?.split(separator: " ").first.map(String.init) ?? "?"
}
