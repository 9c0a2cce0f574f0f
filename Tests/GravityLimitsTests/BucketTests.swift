import GravityLimits
import LimitStoreConformance
import Testing

@Suite("Limits")
struct BucketTests {
  @Test("the store in memory does what every store must")
  func conforms() async throws {
    try await LimitStoreConformance { InMemoryLimitStore() }.run()
  }

  @Test("a bucket never grants more than its limit in any window, nor less than it has")
  func bound() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let limit = SharedLimit(
        requests: .random(in: 1...50, using: &random), per: .milliseconds(.random(in: 1...2_000, using: &random)))
      var bucket = Bucket()
      var taken: [(at: Int64, count: Int)] = []
      var now = Int64.random(in: 0...1_000_000, using: &random)
      for _ in 0..<200 {
        now += .random(in: 0...(limit.interval * 3), using: &random)
        let wanted = Int.random(in: 1...8, using: &random)
        let before = bucket
        let grant = bucket.take(wanted, of: limit, at: now)
        #expect(grant.taken <= wanted)
        #expect(grant.taken == wanted || grant.remaining == 0)
        if grant.taken == 0 { #expect(bucket == before) }
        if grant.remaining == 0 {
          // What it says of later is true: not a microsecond earlier.
          var (early, late) = (bucket, bucket)
          #expect(early.take(1, of: limit, at: now + grant.retryAfter - 1).taken == 0)
          #expect(late.take(1, of: limit, at: now + grant.retryAfter).taken == 1)
        }
        taken.append((now, grant.taken))
      }
      // Over any stretch of time: a whole bucket, and what flows in meanwhile.
      for (index, first) in taken.enumerated() {
        var sum: Int64 = 0
        for later in taken[index...] {
          sum += Int64(later.count)
          #expect(sum <= limit.window / limit.interval + (later.at - first.at) / limit.interval + 1)
        }
      }
    }
  }

  @Test("numbers that make no sense are brought into bounds")
  func bounds() {
    #expect(SharedLimit(requests: 0, per: .zero).interval == 1_000)
    #expect(SharedLimit(requests: .max, per: .seconds(1)).interval == 1)
    #expect(SharedLimit(requests: 3, per: .seconds(1)).interval == 333_334)
    #expect(SharedLimit(requests: 1, per: .seconds(1_000_000_000)).window == 30 * 86_400 * 1_000_000)
    var bucket = Bucket()
    #expect(bucket.take(-1, of: .init(requests: 1, per: .seconds(1)), at: 5).taken == 0)
  }
}
