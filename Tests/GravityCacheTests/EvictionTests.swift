import CacheStoreConformance
import Foundation
import Metrics
import Synchronization
import Testing

@testable import GravityCache

@Suite struct EvictionTests {
  @Test("whatever is inserted, replaced and removed, the cost is the sum of what is there and within the budget")
  func bounded() {
    for seed in 1...20 as ClosedRange<UInt64> {
      var random = SplitMix(state: seed)
      var queue = S3FIFO<Int, Int>(budget: 1_000)
      var model: [Int: Int] = [:]
      for _ in 0..<5_000 {
        let key = Int(random.next() % 200)
        switch random.next() % 10 {
        case 0:
          queue.remove(key)
          model[key] = nil
        case 1...4:
          if let place = queue.find(key) { #expect(queue[place] == model[key]) }
        case 5 where random.next() % 200 == 0:
          queue.removeAll()
          model = [:]
        default:
          let cost = Int(random.next() % 120) + 1
          queue.insert(cost, for: key, cost: cost)
          model[key] = cost <= 100 ? cost : nil
        }
        model = model.filter { queue.peek($0.key) != nil }
        #expect(queue.cost <= 1_000)
        #expect(queue.count == model.count)
        #expect(queue.cost == model.values.reduce(0, +))
      }
      #expect(queue.evictions > 0)
    }
  }

  @Test("a cache stays within its bytes under random keys and sizes, and an entry over a tenth of a shard is not kept")
  func boundedCache() async throws {
    let cache = try Cache<Int, String>(
      name: "text", policy: CachePolicy(maximumBytes: 64 << 10, fresh: .seconds(60), stale: .seconds(60)),
      cost: { $0.utf8.count }, shards: 4)
    var random = SplitMix(state: 7)
    for _ in 0..<3_000 {
      let size = Int(random.next() % 3_000)
      let key = Int(random.next() % 500)
      _ = try await cache.value(for: key) { Versioned(String(repeating: "x", count: size), version: 1) }
      #expect(cache.statistics().bytes <= 64 << 10)
    }
    #expect(cache.statistics().evictions > 0 && cache.statistics().entries > 10)
    for _ in 0..<2 {
      let large = try await cache.value(for: -1) { Versioned(String(repeating: "x", count: 1_700), version: 1) }
      #expect(large?.utf8.count == 1_700)
    }
    #expect(cache.valueInMemory(for: -1) == nil)
  }

  /// How often each key of a trace is found, when what is not found is inserted.
  private func hits(_ trace: [Int], budget: Int) -> (s3fifo: Int, lru: Int) {
    var queue = S3FIFO<Int, Int>(budget: budget)
    var lru = PlainLRU(capacity: budget)
    var found = (s3fifo: 0, lru: 0)
    for key in trace {
      if queue.find(key) != nil { found.s3fifo += 1 } else { queue.insert(key, for: key, cost: 1) }
      if lru.touch(key) { found.lru += 1 }
    }
    return found
  }

  @Test("a scan through a skewed load does not flush what is popular, as it does with plain LRU")
  func scanResistance() {
    var random = SplitMix(state: 1)
    var zipf = Zipf(keys: 10_000, exponent: 0.9)
    let plain = (0..<100_000).map { _ in zipf.next(&random) }
    let skewed = hits(plain, budget: 500)
    #expect(skewed.s3fifo > skewed.lru, "\(skewed)")

    var scanned: [Int] = []
    for (number, key) in plain.enumerated() {
      scanned.append(key)
      // Every 10 000 calls somebody reads 2 000 rows once.
      if number % 10_000 == 9_999 { scanned += (0..<2_000).map { 1_000_000 + number + $0 } }
    }
    let withScans = hits(scanned, budget: 500)
    #expect(Double(withScans.s3fifo) > 1.1 * Double(withScans.lru), "\(withScans)")
    #expect(Double(withScans.s3fifo) > 0.97 * Double(skewed.s3fifo), "a scan costs almost nothing: \(withScans)")
  }

  @Test("what was asked for again before it reaches the end of the small queue stays, and what was not leaves")
  func promotion() {
    var queue = S3FIFO<Int, Int>(budget: 100)
    for key in 0..<10 { queue.insert(key, for: key, cost: 1) }
    #expect(queue.find(3) != nil)
    for key in 1_000..<1_095 { queue.insert(key, for: key, cost: 1) }
    #expect(queue.peek(3) != nil)
    for key in [0, 1, 2, 4] { #expect(queue.peek(key) == nil) }
  }

  @Test("an entry that comes back soon after it left goes to the main queue, so a loop that just does not fit is held")
  func ghosts() {
    let trace = (0..<20_000).map { $0 % 600 }
    let found = hits(trace, budget: 500)
    #expect(found.lru == 0)
    #expect(found.s3fifo > 4_000, "\(found)")
  }
}

/// What the policy is compared with.
struct PlainLRU {
  private var used: [Int: Int] = [:]
  private var order: [(key: Int, time: Int)] = []
  private var first = 0
  private var time = 0
  let capacity: Int

  init(capacity: Int) { self.capacity = capacity }

  mutating func touch(_ key: Int) -> Bool {
    time += 1
    let isHit = used.updateValue(time, forKey: key) != nil
    order.append((key, time))
    while used.count > capacity {
      let oldest = order[first]
      first += 1
      if used[oldest.key] == oldest.time { used[oldest.key] = nil }
    }
    return isHit
  }
}

struct Zipf {
  private var sums: [Double] = []

  init(keys: Int, exponent: Double) {
    var sum = 0.0
    for rank in 1...keys {
      sum += 1 / pow(Double(rank), exponent)
      sums.append(sum)
    }
  }

  mutating func next(_ random: inout SplitMix) -> Int {
    let target = Double.random(in: 0..<sums[sums.count - 1], using: &random)
    var (low, high) = (0, sums.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if sums[middle] <= target { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
