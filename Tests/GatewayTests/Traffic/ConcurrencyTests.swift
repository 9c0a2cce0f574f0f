import Patience
import Testing

@testable import Gateway

@Suite("Concurrency of a service") struct ConcurrencyTests {
  private static let millisecond: Int64 = 1_000_000

  /// A service that does `workers` requests at a time, each for `milliseconds`, and has the others wait in their order;
  /// asked on and on at a steady pace.
  private struct Queue {
    var limit: ConcurrencyLimit
    let workers: Int
    var milliseconds: Int64
    var now: Int64 = 0
    private var free: [Int64]
    private var ends: [(at: Int64, since: Int64)] = []
    private var done = 0
    private var taken = 0
    var admitted = 0
    var refused = 0
    /// How long those that ended took, in milliseconds.
    var latencies: [Int64] = []

    init(_ settings: ConcurrencySettings = .init(), workers: Int, milliseconds: Int64) {
      limit = ConcurrencyLimit(settings)
      self.workers = workers
      self.milliseconds = milliseconds
      free = Array(repeating: 0, count: workers)
    }

    /// - Parameter perSecond: Requests, for so many seconds.
    mutating func run(perSecond: Int, seconds: Int) {
      (admitted, refused, latencies) = (0, 0, [])
      let step = 1_000_000_000 / Int64(perSecond)
      for _ in 0..<(perSecond * seconds) {
        now += step
        settle()
        guard limit.enter(isUrgent: false) else {
          refused += 1
          continue
        }
        admitted += 1
        // All take as long, so the one whose turn it is has been free the longest.
        let worker = taken % workers
        taken += 1
        free[worker] = max(free[worker], now) + milliseconds * ConcurrencyTests.millisecond
        ends.append((free[worker], now))
      }
    }

    /// Who came first is done first.
    private mutating func settle() {
      while done < ends.count, ends[done].at <= now {
        let first = ends[done]
        done += 1
        latencies.append((first.at - first.since) / ConcurrencyTests.millisecond)
        limit.leave(latency: first.at - first.since, now: first.at)
      }
    }
  }

  @Test("a thousand at once are let in where nothing says that the service is slow")
  func thousand() {
    var limit = ConcurrencyLimit(.init())
    #expect((0..<1_000).allSatisfy { _ in limit.enter(isUrgent: false) })
  }

  @Test("a service that does what it is asked is never limited")
  func calm() {
    var queue = Queue(workers: 10, milliseconds: 20)
    queue.run(perSecond: 400, seconds: 60)
    #expect(queue.refused == 0 && queue.limit.limit == ConcurrencySettings().maximum)
  }

  @Test("asked for twice what it can do, it does nearly all that it can, and what it does is in time")
  func overload() {
    var queue = Queue(workers: 10, milliseconds: 20)
    queue.run(perSecond: 400, seconds: 20)
    // It can do 500 a second.
    queue.run(perSecond: 1_000, seconds: 60)
    let late = queue.latencies.suffix(20_000).filter { $0 > 600 }.count
    #expect(late < 200, "\(late) of 20000 took over 600 ms")
    #expect(queue.latencies.count > 500 * 60 * 95 / 100, "\(queue.latencies.count) were done")
    #expect(queue.refused > 20_000)
    // Without a limit it would be half a minute by now.
    var settings = ConcurrencySettings()
    settings.isOn = false
    var unlimited = Queue(settings, workers: 10, milliseconds: 20)
    unlimited.run(perSecond: 1_000, seconds: 60)
    #expect(unlimited.latencies.last! > 25_000)
  }

  @Test("after the overload all are let in again within half a minute")
  func recovery() {
    var queue = Queue(workers: 10, milliseconds: 20)
    queue.run(perSecond: 400, seconds: 20)
    queue.run(perSecond: 2_000, seconds: 30)
    #expect(queue.limit.limit < 200)
    queue.run(perSecond: 400, seconds: 40)
    queue.run(perSecond: 400, seconds: 1)
    #expect(queue.refused == 0 && queue.limit.isAtMost)
  }

  @Test("one that has become slower for good is not limited for good")
  func slower() {
    var queue = Queue(workers: 1_000, milliseconds: 100)
    queue.run(perSecond: 400, seconds: 20)
    queue.milliseconds = 2_000
    queue.run(perSecond: 400, seconds: 120)
    queue.run(perSecond: 400, seconds: 10)
    #expect(queue.refused == 0, "\(queue.refused) refused at a limit of \(queue.limit.limit)")
  }

  /// Has so many requests answered, some of them together, each batch after so many milliseconds.
  ///
  /// - Returns: How many were refused.
  private static func ask(
    _ limit: inout ConcurrencyLimit, _ now: inout Int64, batches: Int, of count: Int, milliseconds: Int64
  ) -> Int {
    var refused = 0
    for _ in 0..<batches {
      let taken = (0..<count).count { _ in limit.enter(isUrgent: false) }
      refused += count - taken
      now += milliseconds * millisecond
      for _ in 0..<taken { limit.leave(latency: milliseconds * millisecond, now: now) }
    }
    return refused
  }

  @Test("a service that is slow from its first answer on is let do three hundred at once, again and again")
  func coldBursts() {
    var (limit, now) = (ConcurrencyLimit(.init()), Int64(0))
    #expect(Self.ask(&limit, &now, batches: 20, of: 300, milliseconds: 1_000) == 0)
    #expect(limit.isAtMost)
  }

  @Test(
    "what is slow while few are under way waits for nothing: it is learnt, and the burst behind it is let in",
    arguments: [1, 4, 16])
  func coldService(_ together: Int) {
    var (limit, now) = (ConcurrencyLimit(.init()), Int64(0))
    var refused = Self.ask(&limit, &now, batches: 400, of: 1, milliseconds: 5)
    refused += Self.ask(&limit, &now, batches: 40, of: together, milliseconds: 600)
    #expect(refused == 0 && limit.isAtMost && limit.usual > 500e6)
    #expect(Self.ask(&limit, &now, batches: 4, of: 300, milliseconds: 700) == 0)
    // What was learnt is unlearnt as soon as it is no longer so.
    #expect(Self.ask(&limit, &now, batches: 6_000, of: 1, milliseconds: 5) == 0)
    #expect(limit.usual < 10e6)
  }

  @Test("a slow route among quick ones is no queue")
  func slowRoute() {
    var limit = ConcurrencyLimit(.init())
    var now: Int64 = 0
    for count in 0..<10_000 {
      now += 10 * Self.millisecond
      let isIn = limit.enter(isUrgent: false)
      #expect(isIn)
      limit.leave(latency: (count % 3 == 0 ? 5_000 : 5) * Self.millisecond, now: now)
    }
    #expect(limit.isAtMost)
  }

  @Test("what is urgent has the rest of the limit, and no more")
  func urgent() {
    var settings = ConcurrencySettings()
    settings.maximum = 20
    var limit = ConcurrencyLimit(settings)
    var taken = [false: 0, true: 0]
    for isUrgent in [false, true] {
      for _ in 0..<30 where limit.enter(isUrgent: isUrgent) { taken[isUrgent, default: 0] += 1 }
    }
    #expect(taken == [false: 18, true: 2])
    limit.leave(latency: nil, now: 0)
    let (ordinary, urgent) = (limit.enter(isUrgent: false), limit.enter(isUrgent: true))
    #expect(!ordinary && urgent)
  }

  @Test("a request that is tried again after its time was up has its place among them again")
  func retried() async throws {
    let script: @Sendable (SeenRequest) -> Reply = { $0.head.hasPrefix("GET /items/hang") ? .hang : .ok() }
    let (one, two) = (try await ScriptedUpstream(script), try await ScriptedUpstream(script))
    try await RunningGateway.run(
      [one, two],
      configure: {
        ($0.concurrency.minimum, $0.concurrency.maximum, $0.concurrency.reserve) = (1, 1, 0)
        $0.timeouts.firstByte = .seconds(1)
        $0.retries.attempts = 2
      }
    ) { gateway in
      // Streams of one connection are all on one loop, which has one place.
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.get(1, "/items/hang"))
      try await eventually("both are asked") { one.requests.count + two.requests.count == 2 }
      try await client.send(.get(3, "/items"))
      #expect(await client.answer(3).member("code") == "overloaded")
      #expect(await client.answer(1).status == 504)
      try await client.send(.get(5, "/items"))
      #expect(await client.answer(5).status == 200)
      await client.close()
    }
  }

  @Test("what is beyond the limit is 503 with its reason, health goes on, and places come back however a request ends")
  func refused() async throws {
    let upstream = try await ScriptedUpstream { request in
      switch request.head {
      case let head where head.hasPrefix("GET /items/hang"): .hang
      case let head where head.hasPrefix("GET /items/close"): .close
      default: .ok()
      }
    }
    try await RunningGateway.run(
      [upstream],
      configure: {
        ($0.concurrency.minimum, $0.concurrency.maximum, $0.concurrency.reserve) = (1, 1, 0)
        $0.retries.attempts = 1
      }
    ) { gateway in
      // One loop has one place; the connections of a client are on one loop or the other.
      var waiting: [RawClient] = []
      for _ in 0..<2 {
        let client = try await gateway.connect()
        try await client.send("GET /items/hang HTTP/1.1\r\nhost: test\r\n\r\n")
        waiting.append(client)
      }
      let answer = try await withThrowingTaskGroup(of: RawResponse?.self) { group -> RawResponse? in
        for client in waiting { group.addTask { try? await client.response() } }
        group.addTask {
          while !Task.isCancelled {
            let answer = try await gateway.get("/items")
            if answer.status == 503 { return answer }
          }
          return nil
        }
        let first = try await group.next() ?? nil
        group.cancelAll()
        for client in waiting { await client.close() }
        return first
      }
      #expect(answer?.status == 503 && answer?.member("code") == "overloaded")
      #expect(answer?.header("retry-after") == "1")
      #expect(try await gateway.get("/health/live").status == 200)
      // Gone clients, closed connections and answers all leave their places to others.
      try await eventually("there is a place again") { (try? await gateway.get("/items").status) == 200 }
      for _ in 0..<4 {
        let closed = try await gateway.get("/items/close")
        #expect(closed.status == 502)
      }
      for _ in 0..<4 { #expect(try await gateway.get("/items").status == 200) }
    }
  }
}
