// What a hit in L1 costs, and what a miss adds to its load.
// Usage: cachebench [CALLS]      (release build; nothing else running; CALLS for each task, 2 000 000 by default)
import Dispatch
import Foundation
import GravityCache

struct Profile: Codable, Sendable {
  var name: String
  var email: String
  var roles: [String]
}

let calls = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 2_000_000 : 2_000_000
let keyCount = 10_000
let keys = (0..<keyCount).map { _ in UUID() }
let profile = Profile(name: "Ada Lovelace", email: "ada@example.org", roles: ["user", "editor"])
let cache = try Cache<UUID, Profile>(
  name: "profile", policy: CachePolicy(maximumBytes: 64 << 20, fresh: .seconds(3600), stale: .seconds(7200)))
for key in keys { _ = try await cache.value(for: key) { Versioned(profile, version: 1) } }

/// Nanoseconds a call: wall time of all tasks together, divided by one task's calls.
func measure(tasks: Int, _ body: @escaping @Sendable (Int) async throws -> Void) async throws -> Double {
  let start = DispatchTime.now().uptimeNanoseconds
  try await withThrowingTaskGroup(of: Void.self) { group in
    for task in 0..<tasks { group.addTask { try await body(task) } }
    try await group.waitForAll()
  }
  return Double(DispatchTime.now().uptimeNanoseconds - start) / Double(calls)
}

func best(tasks: Int, _ body: @escaping @Sendable (Int) async throws -> Void) async throws -> Double {
  var least = Double.infinity
  for _ in 0..<3 { least = min(least, try await measure(tasks: tasks, body)) }
  return least
}

func row(_ name: String, _ tasks: Int, _ nanoseconds: Double) {
  let label = name.padding(toLength: 46, withPad: " ", startingAt: 0)
  let time = String(format: "%9.0f", nanoseconds)
  let rate = String(format: "%10.2f", 1e3 * Double(tasks) / nanoseconds)
  print("\(label) \(tasks)   \(time)  \(rate)")
}

let cores = ProcessInfo.processInfo.activeProcessorCount
print("\(calls) calls a task, \(keyCount) UUID keys, \(cores) cores; best of 3")
print("                                          tasks   ns a call    million/s")
for tasks in [1, 2, 4] {
  row(
    "value(for:load:), keys spread", tasks,
    try await best(tasks: tasks) { task in
      for call in 0..<calls {
        let key = keys[(call &* 7 &+ task &* 1009) % keyCount]
        _ = try await cache.value(for: key) { Versioned(profile, version: 1) }
      }
    })
}
for tasks in [1, 2, 4] {
  row(
    "value(for:load:), loader with captures", tasks,
    try await best(tasks: tasks) { task in
      let rows = [profile]
      for call in 0..<calls {
        let key = keys[(call &* 7 &+ task &* 1009) % keyCount]
        _ = try await cache.value(for: key) { Versioned(rows[key.hashValue & 0], version: 1) }
      }
    })
}
for tasks in [1, 2, 4] {
  row(
    "value(for:load:), one hot key", tasks,
    try await best(tasks: tasks) { _ in
      for _ in 0..<calls { _ = try await cache.value(for: keys[0]) { Versioned(profile, version: 1) } }
    })
}
for tasks in [1, 2, 4] {
  row(
    "valueInMemory(for:), keys spread", tasks,
    try await best(tasks: tasks) { task in
      for call in 0..<calls { _ = cache.valueInMemory(for: keys[(call &* 7 &+ task &* 1009) % keyCount]) }
    })
}

let misses = max(1, calls / 50)
let small = try Cache<Int, Profile>(
  name: "small", policy: CachePolicy(maximumBytes: 1 << 20, fresh: .seconds(3600), stale: .seconds(7200)))
let counted = try Cache<Int, Profile>(
  name: "counted", policy: CachePolicy(maximumBytes: 1 << 20, fresh: .seconds(3600), stale: .seconds(7200)),
  cost: { $0.name.utf8.count + $0.email.utf8.count + 64 })
for (name, cache) in [("miss: load at once, cost by JSON", small), ("miss: load at once, cost by function", counted)] {
  for tasks in [1, 2] {
    let time = try await measure(tasks: tasks) { task in
      for number in 0..<misses {
        _ = try await cache.value(for: number &* 4 &+ task) { Versioned(profile, version: 1) }
      }
    }
    row(name, tasks, time * Double(calls) / Double(misses))
  }
}
