import GravityContracts
import GravityDiscovery
import Testing

@testable import Gateway

@Suite("Balancing") struct BalancingTests {
  private static let second: Int64 = 1_000_000_000

  @Test("round robin gives each its share by weight, and never much of it in a row")
  func roundRobin() {
    var set = ServedSet([ServedSet.instance("a", weight: 500), ServedSet.instance("b"), ServedSet.instance("c")])
    var row: [String] = []
    for _ in 0..<70 { row.append(set.choose(.roundRobin) ?? "") }
    let counts = Dictionary(row.map { ($0, 1) }, uniquingKeysWith: +)
    #expect(counts == ["a": 50, "b": 10, "c": 10])
    // Five of seven, smoothly: at most three before, and two after, one of the others.
    let longest = row.split { $0 != "a" }.map(\.count).max() ?? 0
    #expect(longest <= 5)
    for start in 0..<60 { #expect(Set(row[start..<(start + 7)]) == ["a", "b", "c"]) }
  }

  @Test("least connections chooses the fewest by weight, over all loops, and takes turns among equals")
  func leastConnections() {
    var set = ServedSet([ServedSet.instance("a"), ServedSet.instance("b"), ServedSet.instance("c", weight: 300)])
    #expect(set.counts(.leastConnections, 50) == ["a": 10, "b": 10, "c": 30])
    // As another event loop would: nothing of this one's own is under way.
    for _ in 0..<2 { set.shared[2].beganRequest() }
    set.shared[0].beganRequest()
    #expect(set.counts(.leastConnections, 10) == ["b": 10])
    set.shared[1].beganRequest()
    // Two of weight 3 are fewer than one of weight 1.
    #expect(set.counts(.leastConnections, 10) == ["c": 10])
    for _ in 0..<2 { set.shared[2].beganRequest() }
    #expect(set.counts(.leastConnections, 10) == ["a": 5, "b": 5])
    set.shared[0].endedRequest()
    #expect(set.counts(.leastConnections, 10) == ["a": 10])
  }

  @Test("one more or less of n instances moves about a part in n of the keys, and only to or from that one")
  func consistent() {
    let rule = BalanceRule.consistentHash(loadFactor: 0)
    let ids = (1...10).map { "10.0.0.\($0)-9000" }
    var ten = ServedSet(ids.map { ServedSet.instance($0) })
    var nine = ServedSet(ids.dropLast().map { ServedSet.instance($0) }.reversed())
    let keys = (0..<20_000).map { StableHash.of("user-\($0)".utf8) }
    let before = keys.map { ten.choose(rule, key: $0) ?? "" }
    let after = keys.map { nine.choose(rule, key: $0) ?? "" }
    let moved = zip(before, after).filter { $0 != $1 }
    #expect((1_800...2_200).contains(moved.count))
    #expect(moved.allSatisfy { $0.0 == ids[9] })
    for id in ids { #expect((1_800...2_200).contains(before.count { $0 == id })) }
    for id in ids.dropLast() { #expect((2_000...2_450).contains(after.count { $0 == id })) }
    // Away is as gone: the keys of others stay.
    ten.shared[9].noteHealth(false, now: 0)
    let away = keys.map { ten.choose(rule, key: $0) ?? "" }
    #expect(away == after)
  }

  @Test("gateways agree about a key, whatever the order in which they learned of the instances")
  func agreement() {
    let rule = BalanceRule.consistentHash(loadFactor: 0)
    let instances = (1...7).map { ServedSet.instance("i-\($0)", weight: $0 * 50) }
    var (one, other) = (ServedSet(instances), ServedSet(instances.shuffled()))
    other.random = SeededRandom(99)
    var counts: [String: Int] = [:]
    for index in 0..<7_000 {
      let key = StableHash.of("session-\(index)".utf8)
      let chosen = one.choose(rule, key: key)
      #expect(chosen == other.choose(rule, key: key))
      counts[chosen ?? "", default: 0] += 1
    }
    // 1 to 7 parts of 28.
    for weight in 1...7 { #expect(abs(counts["i-\(weight)", default: 0] - weight * 250) < 150) }
  }

  @Test("with bounded loads a key goes to its next choice when its instance has more than its share")
  func boundedLoads() {
    let key = StableHash.of("hot".utf8)
    var set = ServedSet((1...4).map { ServedSet.instance("\($0)") })
    guard let home = set.choose(.consistentHash(loadFactor: 1.25), key: key),
      let index = set.shared.firstIndex(where: { $0.instance.id == home })
    else {
      Issue.record("none chosen")
      return
    }
    for instance in set.shared { for _ in 0..<10 { instance.beganRequest() } }
    #expect(set.choose(.consistentHash(loadFactor: 1.25), key: key) == home)
    for _ in 0..<5 { set.shared[index].beganRequest() }
    // 15 of 45: more than 1.25 × 46 ÷ 4.
    let next = set.choose(.consistentHash(loadFactor: 1.25), key: key)
    #expect(next != nil && next != home)
    #expect(set.choose(.consistentHash(loadFactor: 0), key: key) == home)
    // The next choice is a fixed one too.
    #expect(set.choose(.consistentHash(loadFactor: 1.25), key: key) == next)
  }

  @Test("an instance that joins others starts with a tenth of its share; first ones and sets that are all new do not")
  func slowStart() {
    let directory = UpstreamDirectory(BreakerSettings())
    let entry = directory.add("s", .passive)
    func update(_ set: [ServiceInstance], now: Int64) -> [UpstreamInstance] {
      _ = directory.update("s", entry, set, now: now)
      return directory.instances(of: "s")
    }
    let (a, b, c) = (ServedSet.instance("a"), ServedSet.instance("b"), ServedSet.instance("c"))
    let first = update([a, b], now: 0)
    #expect(first.allSatisfy { $0.warmth(now: 0) == 1 })
    let joined = update([a, b, c], now: 100 * Self.second)
    let new = joined[2]
    #expect(joined[0].warmth(now: 100 * Self.second) == 1 && new.warmth(now: 100 * Self.second) == 0.1)
    #expect(abs(new.warmth(now: 107_500_000_000) - 0.5) < 0.001 && new.warmth(now: 115 * Self.second) == 1)
    let replaced = update(["d", "e"].map { ServedSet.instance($0) }, now: 200 * Self.second)
    #expect(replaced.allSatisfy { $0.warmth(now: 200 * Self.second) == 1 })
    // A weight that changes makes no new process of it.
    let heavier = update([ServedSet.instance("d", weight: 200)], now: 300 * Self.second)
    #expect(heavier[0].warmth(now: 300 * Self.second) == 1)
  }

  @Test("an instance that is given another weight, zone or version stays who it is, with all that is known of it")
  func changed() {
    let directory = UpstreamDirectory(BreakerSettings())
    let entry = directory.add("s", .passive)
    func update(_ set: [ServiceInstance]) -> [UpstreamInstance] {
      _ = directory.update("s", entry, set, now: 0)
      return directory.instances(of: "s")
    }
    let (a, b) = (ServedSet.instance("a"), ServedSet.instance("b"))
    let before = update([a, b])
    let loop = LoopUpstream(budget: RetryBudget(ratio: 0, perSecond: 0))
    loop.update(before)
    let pool = loop.instances[0]
    before[0].eject()
    before[0].noteHealth(false, now: 0)
    for _ in 0..<5 { before[0].record(.unreachable, route: 1, now: 0, random: 0.5) }
    var other = a
    (other.weight, other.zone, other.version) = (7, "z", "2")
    let after = update([other, b])
    loop.update(after)
    #expect(after[0] === before[0] && after[1] === before[1] && loop.instances[0] === pool)
    #expect(after[0].weight == 7 && after[0].zone == "z" && after[0].effectiveWeight(now: 0) == 7_000)
    #expect(after[0].isEjected && !after[0].isHealthy && after[0].breaker.phase != .closed)
    // Another place, or another language, is another one.
    other.speaksHTTP2 = true
    var moved = b
    moved.port += 1
    let replaced = update([other, moved])
    #expect(replaced[0] !== before[0] && replaced[1] !== before[1] && !replaced[0].isEjected)
  }

  @Test("whose health check passes again starts slowly too, under every policy but consistent hash")
  func slowStartUnderPolicies() {
    for rule in [BalanceRule.peakEWMA, .roundRobin, .leastConnections] {
      var set = ServedSet([ServedSet.instance("a"), ServedSet.instance("b")])
      // Slow but warm; the new one has no latency yet and would seem the best.
      set.upstream.instances[0].load.began()
      set.upstream.instances[0].load.ended(latency: 5_000_000, now: 0)
      set.shared[1].noteHealth(false, now: 0)
      #expect(set.counts(rule) == ["a": 1_000])
      set.shared[1].noteHealth(true, now: 0)
      let cold = set.counts(rule, now: 0)["b", default: 0]
      #expect((50...150).contains(cold), "\(rule): \(cold)")
      let half = set.counts(rule, now: 7_500_000_000)["b", default: 0]
      #expect((280...560).contains(half), "\(rule): \(half)")
      let warm = set.counts(rule, now: 15 * Self.second)["b", default: 0]
      #expect(warm >= 450, "\(rule): \(warm)")
    }
  }

  @Test("panic: while fewer than half are healthy, health does not count, but a breaker does")
  func panic() {
    var set = ServedSet((1...4).map { ServedSet.instance("\($0)") })
    for index in 0..<2 { set.shared[index].noteHealth(false, now: 0) }
    #expect(Set(set.counts(.peakEWMA).keys) == ["3", "4"])
    set.shared[2].noteHealth(false, now: 0)
    #expect(Set(set.counts(.roundRobin).keys) == ["1", "2", "3", "4"])
    for _ in 0..<5 { set.shared[0].record(.unreachable, route: 0, now: 0, random: 0.5) }
    #expect(Set(set.counts(.roundRobin).keys) == ["2", "3", "4"])
    var settings = BalancingSettings()
    settings.panicShare = 0
    var calm = ServedSet((1...4).map { ServedSet.instance("\($0)") }, settings: settings)
    for index in 0..<3 { calm.shared[index].noteHealth(false, now: 0) }
    #expect(Set(calm.counts(.peakEWMA).keys) == ["4"])
  }

  @Test("a route's breaker leaves the instance to other routes; one that cannot be reached is left by all")
  func routeBreakers() {
    let one = UpstreamInstance(ServedSet.instance("a"), BreakerSettings())
    for _ in 0..<5 { one.record(.unanswered, route: 1, now: 0, random: 0.5) }
    #expect(
      one.admission(route: 1, now: 0) == nil && one.admission(route: 2, now: 0) != nil && one.breaker.phase == .closed)
    #expect(one.routes.openCount == 1)
    // After its wait a probe goes, and success closes it; nothing of it is left then.
    for _ in 0..<3 {
      #expect(one.admission(route: 1, now: 2 * Self.second) != nil)
      one.record(.answered(status: 200), route: 1, now: 2 * Self.second, random: 0.5)
    }
    #expect(one.routes.openCount == 0 && one.admission(route: 1, now: 2 * Self.second) != nil)
    for _ in 0..<30 { one.record(.answered(status: 500), route: 3, now: 3 * Self.second, random: 0.5) }
    #expect(
      one.admission(route: 3, now: 3 * Self.second) == nil && one.admission(route: 1, now: 3 * Self.second) != nil)
    for _ in 0..<5 { one.record(.unreachable, route: 2, now: 3 * Self.second, random: 0.5) }
    #expect(one.admission(route: 1, now: 3 * Self.second) == nil && !one.wouldAdmit(route: 4, now: 3 * Self.second))
  }

  @Test("routes' breakers are bounded, and forgotten when nothing has failed for a window")
  func routeBreakersAreBounded() {
    let breakers = RouteBreakers(BreakerSettings())
    for route in 0..<10_000 as Range<UInt64> { breakers.record(.failure, route, now: 0, random: 0.5) }
    for _ in 0..<4 { breakers.record(.failure, 9_999, now: 0, random: 0.5) }
    #expect(breakers.openCount <= RouteBreakers.maximum)
    breakers.forget(now: 11 * Self.second)
    #expect(breakers.openCount == 1 && !breakers.wouldAdmit(9_999, now: 0) && breakers.wouldAdmit(1, now: 0))
  }

  @Test("the own zone is preferred as long as it can take what its gateways have, and a small one is not overloaded")
  func zones() {
    func near(_ counts: [String: Int], _ id: String, _ wanted: Int) -> Bool {
      abs(counts[id, default: 0] - wanted) < 150
    }
    let even = [
      ServedSet.instance("near-1", zone: "a"), ServedSet.instance("near-2", zone: "a"),
      ServedSet.instance("far-1", zone: "b"), ServedSet.instance("far-2", zone: "b"),
    ]
    var set = ServedSet(even, zone: "a")
    let all = set.counts(.roundRobin, 3_000)
    #expect(all == ["near-1": 1_500, "near-2": 1_500])
    // One of three is left here, and half of the gateways: two thirds stay.
    set.shared[1].noteHealth(false, now: 0)
    let fewer = set.counts(.roundRobin, 3_000)
    #expect(near(fewer, "near-1", 2_000) && near(fewer, "far-1", 500) && near(fewer, "far-2", 500))
    set.shared[0].noteHealth(false, now: 0)
    #expect(Set(set.counts(.roundRobin, 100).keys) == ["far-1", "far-2"])
    // A quarter of the gateways is here, and half of the instances: all stay. Three quarters: two thirds of them.
    var few = ServedSet(even, zone: "a", gateways: ["a": 1, "b": 3])
    #expect(Set(few.counts(.leastConnections, 100).keys) == ["near-1", "near-2"])
    var many = ServedSet(even, zone: "a", gateways: ["a": 3, "b": 1])
    let spread = many.counts(.roundRobin, 3_000)
    #expect(near(spread, "near-1", 1_000) && near(spread, "far-1", 500))
    var hashed = ServedSet(even, zone: "a")
    var other = ServedSet(even, zone: "b")
    for index in 0..<100 as Range<UInt64> {
      let key = StableHash.mixed(index)
      #expect(
        hashed.choose(.consistentHash(loadFactor: 0), key: key)
          == other.choose(.consistentHash(loadFactor: 0), key: key))
    }
  }

  @Test("the key of a hash is found where the route says, and what names nothing is refused when the gateway is made")
  func keys() throws {
    func key(_ by: Balancing.HashKey, _ text: String, path: String = "/items/{id}/parts/{part}") throws -> UInt64? {
      let source = try HashSource(
        Route("r", path: path, service: "s", access: .public, balance: .consistentHash(by: by)))
      let bytes = Array(text.utf8)
      return try bytes.withUnsafeBytes { raw in
        var head = RequestHead()
        try head.parse(raw, limits: HeadLimits())
        return source?.key(head, raw, client: "192.0.2.1")
      }
    }
    let request =
      "GET /items/42/parts/7?x=1 HTTP/1.1\r\nhost: h\r\nX-Cell: blue\r\ncookie: a=1; sid=abc; sidx=2\r\n\r\n"
    #expect(try key(.pathField("id"), request) == StableHash.of("42".utf8))
    #expect(try key(.pathField("part"), request) == StableHash.of("7".utf8))
    #expect(try key(.header("x-cell"), request) == StableHash.of("blue".utf8))
    #expect(try key(.cookie("sid"), request) == StableHash.of("abc".utf8))
    #expect(try key(.client, request) == StableHash.of("192.0.2.1".utf8))
    #expect(try key(.header("x-none"), request) == nil && key(.cookie("si"), request) == nil)
    for wrong in [Balancing.HashKey.pathField("none"), .header("a b"), .cookie("")] {
      #expect(throws: RouteError.self) { try key(wrong, request) }
    }
    let route = Route(
      "r", path: "/r", service: "s", access: .public, balance: .consistentHash(by: .client, loadFactor: 1))
    #expect(throws: RouteError.self) { try RoutingTable(routes: [route]) }
  }
}
