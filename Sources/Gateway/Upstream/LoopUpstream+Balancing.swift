import GravityDiscovery

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The policies: each chooses among the candidates, of which there is at least one.
extension LoopUpstream {
  /// - Returns: A place in ``candidates``.
  func pick(_ demand: Demand, _ random: inout some RandomNumberGenerator) -> Int {
    guard candidates.count > 1 else { return 0 }
    switch demand.rule {
    case .peakEWMA: return powerOfTwo(demand.now, &random)
    case .roundRobin: return nextInTurn(demand.now, &random, amongTied: false)
    case .leastConnections: return leastConnections(demand.now, &random)
    case .consistentHash(let factor):
      guard let key = demand.key else { return powerOfTwo(demand.now, &random) }
      return rendezvous(key, factor)
    }
  }

  private func shared(_ place: Int) -> UpstreamInstance { instances[candidates[place]].shared }

  // MARK: - Peak EWMA

  private func powerOfTwo(_ now: Int64, _ random: inout some RandomNumberGenerator) -> Int {
    let first = Int.random(in: 0..<candidates.count, using: &random)
    var second = Int.random(in: 0..<(candidates.count - 1), using: &random)
    if second >= first { second += 1 }
    func cost(_ place: Int) -> Double {
      let instance = instances[candidates[place]]
      return instance.load.cost(weight: instance.shared.weight, now: now)
    }
    let (better, other) = cost(first) <= cost(second) ? (first, second) : (second, first)
    // A new instance has no latency yet and would win every time. While it starts slowly it only gets that share of
    // the requests that would be its.
    let warmth = shared(better).warmth(now: now)
    guard warmth < 1 else { return better }
    let most = max(warmth, shared(other).warmth(now: now))
    return Double(random.next() >> 11) / 9_007_199_254_740_992 * most < warmth ? better : other
  }

  // MARK: - Round robin

  /// Smooth weighted round robin: each candidate gains its weight, the one that has most is next and loses what all
  /// gained.
  ///
  /// - Parameter amongTied: Whether ``tied`` has the places to choose from, rather than all candidates.
  private func nextInTurn(_ now: Int64, _ random: inout some RandomNumberGenerator, amongTied: Bool) -> Int {
    var (best, most, total) = (0, Int.min, 0)
    for index in 0..<(amongTied ? tied.count : candidates.count) {
      let place = amongTied ? tied[index] : index
      let instance = instances[candidates[place]]
      let weight = instance.shared.effectiveWeight(now: now)
      // Event loops and gateways do not all begin with the same instance.
      let turn = (instance.turn ?? Int.random(in: 0..<weight, using: &random)) + weight
      instance.turn = turn
      total += weight
      if turn > most { (best, most) = (place, turn) }
    }
    instances[candidates[best]].turn = most - total
    return best
  }

  // MARK: - Least connections

  /// Of those that have equally few, one in turn.
  private func leastConnections(_ now: Int64, _ random: inout some RandomNumberGenerator) -> Int {
    tied.removeAll(keepingCapacity: true)
    var least = (requests: 0, weight: 0)
    for place in candidates.indices {
      let instance = shared(place)
      let (requests, weight) = (instance.requestsInFlight, instance.effectiveWeight(now: now))
      let (mine, theirs) = (requests * least.weight, least.requests * weight)
      if tied.isEmpty || mine < theirs {
        tied.removeAll(keepingCapacity: true)
        least = (requests, weight)
        tied.append(place)
      } else if mine == theirs {
        tied.append(place)
      }
    }
    return tied.count == 1 ? tied[0] : nextInTurn(now, &random, amongTied: true)
  }

  // MARK: - Consistent hash

  /// Weighted rendezvous hashing: each instance draws a number from the key and itself, the largest wins. What a key's
  /// instance is does not depend on the others but by who draws more.
  private func rendezvous(_ key: UInt64, _ factor: Double) -> Int {
    var best = draw(key, below: .infinity)
    guard factor > 0 else { return best.place }
    var (requests, weights) = (0, 0)
    for place in candidates.indices {
      requests += shared(place).requestsInFlight
      weights += shared(place).weight
    }
    let first = best.place
    for _ in candidates.indices {
      let part = Double(shared(best.place).weight) / Double(weights)
      if shared(best.place).requestsInFlight < Int((factor * Double(requests + 1) * part).rounded(.up)) {
        return best.place
      }
      best = draw(key, below: best.score)
    }
    return first
  }

  private func draw(_ key: UInt64, below bound: Double) -> (place: Int, score: Double) {
    var best = (place: 0, score: -Double.infinity)
    for place in candidates.indices {
      let instance = shared(place)
      let bits = StableHash.mixed(key ^ instance.hashSeed)
      let unit = (Double(bits >> 11) + 0.5) / 9_007_199_254_740_992
      let score = Double(instance.weight) / -log(unit)
      if score < bound, score > best.score { best = (place, score) }
    }
    return best
  }
}
