// What the client and the stores carry: commands a second, p50 and p99, and the CPU of this process for each.
//   redisbench URL CALLERS SECONDS
import Foundation
import GravityCache
import GravityLimits
import Logging
import RedisEngine
import Synchronization

func fail(_ text: String) -> Never {
  FileHandle.standardError.write(Data((text + "\n").utf8))
  exit(64)
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let callers = Int(arguments[2]), let seconds = Double(arguments[3]), callers > 0,
  seconds > 0
else { fail("redisbench URL CALLERS SECONDS") }

/// User and system time of this process, microseconds.
func cpuMicroseconds() -> Double {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  func microseconds(_ time: timeval) -> Double { Double(time.tv_sec) * 1e6 + Double(time.tv_usec) }
  return microseconds(usage.ru_utime) + microseconds(usage.ru_stime)
}

/// Callers that call again and again until the time is up.
func measure(_ name: String, _ call: @escaping @Sendable (Int) async throws -> Void) async throws {
  // So that scripts are known and memory is warm.
  for number in 0..<1_000 { try await call(number) }
  let (start, cpu) = (ContinuousClock.now, cpuMicroseconds())
  let end = start + .seconds(seconds)
  let times = try await withThrowingTaskGroup(of: [Int32].self) { group in
    for caller in 0..<callers {
      group.addTask {
        var times: [Int32] = []
        var number = caller
        var before = ContinuousClock.now
        while before < end {
          try await call(number)
          let now = ContinuousClock.now
          times.append(Int32(clamping: Int((now - before) / .nanoseconds(1_000))))
          before = now
          number &+= 7_919
        }
        return times
      }
    }
    return try await group.reduce(into: [Int32]()) { $0 += $1 }
  }
  let elapsed = (ContinuousClock.now - start) / .seconds(1)
  let used = cpuMicroseconds() - cpu
  let sorted = times.sorted()
  print(
    String(
      format: "| %@, %d callers | %.0f | %.2f | %.2f | %.1f |", name, callers, Double(sorted.count) / elapsed,
      Double(sorted[sorted.count / 2]) / 1e3, Double(sorted[sorted.count * 99 / 100]) / 1e3,
      used / Double(sorted.count)))
}

let client = try RedisClient(
  url: arguments[1], logger: Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() }))
let running = Task { try await client.run() }
while client.trouble != nil { try await Task.sleep(for: .milliseconds(10)) }

let value = [UInt8](repeating: 120, count: 256)
let setting = client.operation("SET")
for number in 0..<1_000 { _ = try await client.send(setting, ["SET", .text("bench:\(number)"), .bytes(value)]) }
let getting = client.operation("GET")
try await measure("GET, 256 bytes, one connection") { number in
  _ = try await client.send(getting, ["GET", .text("bench:\(abs(number % 1_000))")], isIdempotent: true)
}
let cache = try RedisCacheStore(client, prefix: "bench")
for number in 0..<1_000 {
  _ = try await cache.put(
    CacheRecord(bytes: value, version: 1), for: "product:\(number)", lease: .none, timeToLive: .seconds(3_600))
}
try await measure("cache get, 256 bytes (a script)") { number in
  guard try await cache.get("product:\(abs(number % 1_000))").record != nil else { fail("a record is gone") }
}
let limits = try RedisLimitStore(client, prefix: "bench")
let limit = SharedLimit(requests: 100, per: .seconds(60))
try await measure("limit take, one claim (a script)") { number in
  _ = try await limits.take([LimitClaim(key: "caller:\(abs(number % 1_000))", limit: limit)])
}
try await measure("limit take, sixteen claims in a call") { number in
  _ = try await limits.take(
    (0..<16).map { LimitClaim(key: "caller:\(abs((number &+ $0) % 1_000))", limit: limit) })
}
running.cancel()
try await running.value
