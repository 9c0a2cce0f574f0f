public import GravityLimits
import Patience
import Testing

/// What every ``LimitStore`` must do; an engine's tests call it with a store of its own, whose clock runs.
public struct LimitStoreConformance: Sendable {
  private let makeStore: @Sendable () async throws -> any LimitStore

  /// - Parameter makeStore: An empty store, and another for every call.
  public init(makeStore: @escaping @Sendable () async throws -> any LimitStore) { self.makeStore = makeStore }

  /// So long that nothing of note refills while the suite runs.
  private let slow = SharedLimit(requests: 10, per: .seconds(3_600))

  public func run() async throws {
    try await grantsWhatThereIs()
    try await keepsBucketsApart()
    try await answersInOrder()
    try await admitsNoMoreThanTheLimitToManyAtOnce()
    try await refills()
  }

  private func grantsWhatThereIs() async throws {
    let store = try await makeStore()
    let first = try await store.take([LimitClaim(key: "a", limit: slow, wanted: 4)])
    #expect(first.map(\.taken) == [4])
    #expect(first.map(\.remaining) == [6])
    #expect(first[0].retryAfter == 0)
    #expect((4 * slow.interval - 1_000_000...4 * slow.interval).contains(first[0].reset))
    let second = try await store.take([LimitClaim(key: "a", limit: slow, wanted: 100)])
    #expect(second.map(\.taken) == [6], "granted in part")
    #expect(second.map(\.remaining) == [0])
    let third = try await store.take([LimitClaim(key: "a", limit: slow)])
    #expect(third.map(\.taken) == [0])
    #expect((1...slow.interval).contains(third[0].retryAfter))
    #expect(third[0].reset <= slow.window, "a refusal costs nothing")
  }

  private func keepsBucketsApart() async throws {
    let store = try await makeStore()
    let keys = ["a", "b", "ü\n", String(repeating: "k", count: 200)]
    for key in keys {
      #expect(try await store.take([LimitClaim(key: key, limit: slow, wanted: 10)])[0].taken == 10, "\(key)")
    }
  }

  private func answersInOrder() async throws {
    let store = try await makeStore()
    let claims = (1...9).map { LimitClaim(key: "k\($0)", limit: slow, wanted: $0) }
    #expect(try await store.take(claims).map(\.taken) == Array(1...9))
    #expect(try await store.take([]).isEmpty)
    let same = (1...6).map { _ in LimitClaim(key: "same", limit: slow, wanted: 3) }
    #expect(try await store.take(same).map(\.taken) == [3, 3, 3, 1, 0, 0], "the same bucket, one after the other")
  }

  private func admitsNoMoreThanTheLimitToManyAtOnce() async throws {
    let store = try await makeStore()
    let limit = SharedLimit(requests: 1_000, per: .seconds(36_000))
    let taken = try await withThrowingTaskGroup(of: Int.self) { group in
      for taker in 0..<50 {
        group.addTask {
          var sum = 0
          for _ in 0..<20 {
            sum += try await store.take([LimitClaim(key: "hot", limit: limit, wanted: 1 + taker % 5)])[0].taken
          }
          return sum
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(taken == 1_000)
  }

  private func refills() async throws {
    let store = try await makeStore()
    let limit = SharedLimit(requests: 2, per: .milliseconds(200))
    #expect(try await store.take([LimitClaim(key: "fast", limit: limit, wanted: 2)])[0].taken == 2)
    // From before it was asked: the store's answer may take its time to come.
    let start = ContinuousClock.now
    let refused = try await store.take([LimitClaim(key: "fast", limit: limit)])
    // On a machine that slept in between it may have refilled already.
    guard refused[0].taken == 0 else { return }
    #expect((1...limit.interval).contains(refused[0].retryAfter))
    // Asked again and again, it is granted no earlier than it said.
    try await eventually("it is granted") { try await store.take([LimitClaim(key: "fast", limit: limit)])[0].taken > 0 }
    #expect(ContinuousClock.now - start >= .microseconds(refused[0].retryAfter) - .milliseconds(2))
  }
}
