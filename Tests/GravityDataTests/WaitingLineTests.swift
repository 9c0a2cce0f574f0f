import Foundation
import GravityData
import Testing

@Suite("A line of waiting calls", .timeLimit(.minutes(5)))
struct WaitingLineTests {
  @Test("calls run in the order they came, and each gets its own answer")
  func order() async throws {
    let line = WaitingLine<Int>(limit: 10, timeout: .seconds(10))
    let standing = AsyncStream.makeStream(of: Void.self)
    async let first = line.submit(Cancellation(), wake: { standing.continuation.yield() }) { $0 + 1 }
    var arrivals = standing.stream.makeAsyncIterator()
    _ = await arrivals.next()
    async let second = line.submit(Cancellation(), wake: { standing.continuation.yield() }) { $0 + 2 }
    _ = await arrivals.next()
    #expect(line.count == 2)
    for (index, call) in line.take(atMost: 5).enumerated() { call.run(index * 10)(nil) }
    let answers = try await [first, second]
    #expect(answers == [1, 12])
  }

  @Test("a failed commit is the answer of a body that succeeded")
  func failure() async {
    let line = WaitingLine<Int>(limit: 10, timeout: .seconds(10))
    await #expect(throws: DatabaseError.self) {
      try await line.submit(Cancellation(), wake: { line.take(atMost: 1)[0].run(1)(DatabaseError(.other, "no")) }) {
        $0
      }
    }
  }

  @Test("a call that was put back runs again, once")
  func again() async throws {
    let line = WaitingLine<Int>(limit: 10, timeout: .seconds(10))
    let answer = try await line.submit(Cancellation(), wake: { Self.runTwice(line) }) { $0 }
    #expect(answer == 2)
  }

  @Test("a closed line refuses at once")
  func closed() async {
    let line = WaitingLine<Int>(limit: 10, timeout: .seconds(10))
    line.close(DatabaseError(.closed, "closed"))
    await #expect(throws: DatabaseError.self) { try await line.submit(Cancellation(), wake: {}) { $0 } }
  }

  private static func runTwice(_ line: WaitingLine<Int>) {
    let first = line.take(atMost: 1)[0]
    _ = first.run(1)
    #expect(line.putBack(first))
    let second = line.take(atMost: 1)[0]
    let answer = second.run(2)
    #expect(!line.putBack(second))
    answer(nil)
  }
}

@Suite("A cache of the least recently used")
struct LeastRecentlyUsedTests {
  @Test("what was not asked for the longest has to go")
  func eviction() {
    var cache = LeastRecentlyUsed<String, Int>(capacity: 2)
    #expect(cache.insert(1, for: "a") == nil)
    #expect(cache.insert(2, for: "b") == nil)
    #expect(cache.value(for: "a") == 1)
    #expect(cache.insert(3, for: "c") == 2)
    #expect(cache.value(for: "b") == nil)
    #expect(cache.insert(4, for: "a") == nil)
    #expect(cache.value(for: "a") == 4)
    #expect(cache.count == 2)
  }
}
