import Gateway
import Synchronization

/// What was asked in the last minute: how the counters stood every five seconds.
final class TrafficHistory: Sendable {
  static let interval: Duration = .seconds(5)
  private static let length = 12

  private struct Look: Sendable {
    var time: ContinuousClock.Instant
    var traffic: [String: RouteTraffic]
  }
  /// The oldest first. It begins with nothing, when the gateway did.
  private let looks: Mutex<[Look]>

  init(began: ContinuousClock.Instant = .now) { looks = Mutex([Look(time: began, traffic: [:])]) }

  func note(_ traffic: [String: RouteTraffic], at time: ContinuousClock.Instant = .now) {
    looks.withLock { looks in
      looks.append(Look(time: time, traffic: traffic))
      if looks.count > Self.length { looks.removeFirst() }
    }
  }

  /// What came after the oldest look, by route, and how long ago that was.
  func recent(
    _ traffic: [String: RouteTraffic], at now: ContinuousClock.Instant = .now
  ) -> (traffic: [String: RouteTraffic], length: Duration) {
    let oldest = looks.withLock { $0[0] }
    let recent = traffic.reduce(into: [String: RouteTraffic]()) { recent, entry in
      recent[entry.key] = oldest.traffic[entry.key].map { entry.value.since($0) } ?? entry.value
    }
    return (recent, now - oldest.time)
  }
}
