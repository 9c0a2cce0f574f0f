import GravityLimits
import NIOCore
import NIOPosix
import Testing

@testable import Gateway

@Suite("What leases are kept in") struct LeaseTableTests {
  private let terms = LeaseTerms(RateLimit(requests: 6_000, per: .seconds(60)), SharedLimitSettings())

  @Test("callers beyond the bound push out what matters least, and what that held is counted as lost")
  func bound() {
    let table = LeaseTable(capacity: 512)
    // All of one set: eight places.
    for index in 1...9 {
      let grant = LimitGrant(taken: 10, remaining: 100, retryAfter: 0, reset: 1_000_000 + Int64(index))
      let leased = table.take(UInt64(index), grant, besides: 10, spent: 0, terms, asked: 0, now: 0)
      #expect(leased == 10)
    }
    #expect(table.held(1, terms, now: 0) == 0)
    #expect((2...9).allSatisfy { table.held(UInt64($0), terms, now: 0) == 10 })
    #expect(table.takeCounts() == LeaseTable.Counts(leased: 0, remembered: 0, lost: 10))
    #expect(table.takeCounts() == LeaseTable.Counts())
  }

  @Test("what many threads take from one lease is what it holds")
  func shared() async {
    let table = LeaseTable(capacity: 512)
    let grant = LimitGrant(taken: 1_000, remaining: 0, retryAfter: 10_000, reset: 60_000_000)
    _ = table.take(7, grant, besides: 10, spent: 0, terms, asked: 0, now: 0)
    let admitted = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          (0..<500).count { _ in
            if case .admitted = table.take(7, terms, share: 1, patience: .max, now: 1).answer { return true }
            return false
          }
        }
      }
      return await group.reduce(0, +)
    }
    #expect(admitted == 1_000)
    #expect(table.takeCounts() == LeaseTable.Counts(leased: 1_000, remembered: 1_000, lost: 0))
  }

  @Test("requests of one caller are one claim, and more than may wait are not taken")
  func queue() throws {
    let queue = ClaimQueue(maximumWaiting: 3)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    var promises: [EventLoopPromise<ClaimOutcome>] = []
    func add(_ key: UInt64) -> Bool {
      let promise = loop.makePromise(of: ClaimOutcome.self)
      promises.append(promise)
      return queue.add(key, terms, besides: 5, waiting: promise) { "b:\(key)" }
    }
    #expect(add(1) && add(1) && add(2))
    #expect(!add(3) && !add(1))
    let claims = queue.take(10)
    #expect(claims.map(\.claim.wanted) == [7, 6] && claims.map(\.name) == ["b:1", "b:2"])
    #expect(add(3))
    queue.close()
    #expect(!add(4))
    for promise in promises { promise.succeed(.unanswered) }
  }

  @Test("a store is away at its first failure, and back at its second answer")
  func standing() {
    let standing = StoreStanding()
    #expect(!standing.isAway)
    #expect(standing.failed() && standing.isAway)
    #expect(!standing.failed())
    #expect(!standing.answered() && standing.isAway)
    #expect(!standing.failed())
    #expect(!standing.answered() && standing.answered() && !standing.isAway)
  }

  @Test("a bucket has the same name at every gateway, short, without the caller's name in it")
  func names() {
    func policy(_ salt: UInt64, _ name: String) -> LimitPolicy {
      LimitPolicy(RateLimit(name, requests: 1, per: .seconds(1)), salt: salt, scope: "auth.login", sharing: .init())
    }
    let name = policy(3, "sign-in").bucketName("subject:max@example.org")
    #expect(name == policy(4, "sign-in").bucketName("subject:max@example.org"))
    #expect(name.hasPrefix("auth.login:sign-in:") && !name.contains("max"))
    #expect(name != policy(3, "sign-in").bucketName("subject:moritz@example.org"))
    let long = policy(3, String(repeating: "n", count: 500)).bucketName(String(repeating: "s", count: 255))
    #expect(long.utf8.count <= 200)
  }

  @Test("the shares of all gateways are the limit, and each goes on from where it knew the bucket to stand")
  func share() {
    let local = RateLimiter(capacity: 512)
    let policy = LimitPolicy(RateLimit(requests: 90, per: .seconds(90)), salt: 1)
    func admitted(_ key: UInt64, _ count: Int, from whole: Int64 = .min) -> Int {
      (0..<200).count { _ in local.take(key, policy, now: 0, sharedBy: count, from: whole).isAdmitted }
    }
    #expect(admitted(1 << 58, 1) == 90 && admitted(2 << 58, 3) == 30 && admitted(3 << 58, 1_000) == 1)
    #expect(admitted(4 << 58, 3, from: 45_000_000_000) == 15, "half of it was used up")
    #expect(admitted(5 << 58, 3, from: 90_000_000_000) == 0)
  }
}
