import GravityDiscovery

/// Prefers the gateway's own zone, and never by more than that zone can take: as gateways are spread over zones, so are
/// the requests, and a zone with a smaller share of the instances' weight than of the gateways gives the rest away.
struct ZonePlan {
  /// The gateway's own first.
  let zones: [String]
  /// The share of all gateways that is in each zone, in the order of ``zones``.
  private let demand: [Double]
  /// Used again for each choice.
  private var weights: [Double]

  /// nil where all instances are in one zone, or none says where it is.
  ///
  /// - Parameter gateways: How many there are by zone, this one among them; without any they are taken to be spread
  ///   evenly.
  init?(own: String, instances: [LoopInstance], gateways: [String: Int]) {
    var zones = [own]
    for instance in instances {
      // Who does not say where it is is in a zone of its own, which nobody prefers.
      let zone = instance.shared.zone ?? ""
      if let known = zones.firstIndex(of: zone) {
        instance.zone = known
      } else {
        instance.zone = zones.count
        zones.append(zone)
      }
    }
    guard zones.count > 1, instances.contains(where: { $0.zone == 0 }) else { return nil }
    self.zones = zones
    let total = max(1, gateways.values.reduce(0, +))
    let counted = gateways[own, default: 0] > 0
    demand = zones.map { counted ? Double(gateways[$0, default: 0]) / Double(total) : 1 / Double(zones.count) }
    weights = Array(repeating: 0, count: zones.count)
  }

  /// The zone that takes the next request, where it matters.
  ///
  /// - Parameter candidates: Places in `instances` of those that could take it.
  mutating func zone(
    for candidates: [Int], of instances: [LoopInstance], _ random: inout some RandomNumberGenerator
  ) -> Int? {
    for zone in weights.indices { weights[zone] = 0 }
    var total = 0.0
    for place in candidates {
      let weight = Double(instances[place].shared.weight)
      weights[instances[place].zone] += weight
      total += weight
    }
    guard total > 0 else { return nil }
    func unit() -> Double { Double(random.next() >> 11) / 9_007_199_254_740_992 }
    let own = weights[0] / total
    if own >= demand[0] || unit() * demand[0] < own { return weights[0] > 0 ? 0 : nil }
    // What the zone cannot take goes where there is more than the gateways there need.
    func spare(_ zone: Int) -> Double { max(0, weights[zone] / total - demand[zone]) }
    var sum = 0.0
    for zone in weights.indices.dropFirst() { sum += spare(zone) }
    guard sum > 0 else { return nil }
    var drawn = unit() * sum
    for zone in weights.indices.dropFirst() where spare(zone) > 0 {
      drawn -= spare(zone)
      if drawn <= 0 { return zone }
    }
    return nil
  }
}
