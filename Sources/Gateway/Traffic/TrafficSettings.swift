/// What balancing goes by, whatever a route's policy.
public struct BalancingSettings: Sendable {
  /// How long an instance that joins others, or whose health check passes again, takes to get its whole share; zero is at
  /// once. A service's first instances, and a set that is new as a whole, get theirs at once.
  public var slowStart: Duration = .seconds(15)
  /// The share of its share that it begins with, 0 to 1; it grows in proportion to the time.
  public var slowStartShare = 0.1
  /// When less than this share of a service's instances is healthy and not ejected, health and ejection no longer count
  /// and all are used: more likely than that so many are broken is that the looking is, and the few that are left would
  /// break too. Breakers count always. 0 goes by health as long as one instance is left.
  public var panicShare = 0.5
  /// What is standard.
  public init() {}
}

/// When an instance that fails while others succeed is taken out for a while.
public struct EjectionSettings: Sendable {
  /// Without it nobody is judged.
  public var isOn = true
  /// Between two judgements.
  public var interval: Duration = .seconds(1)
  /// Judged by the requests of the last so many intervals.
  public var intervals = 10
  /// Fewer requests than this in them are no ground to judge an instance, nor to judge others by it.
  public var minimumRequests = 20
  /// How many standard deviations, by the median one, below the median of the others' success rates is failing …
  public var deviations = 1.9
  /// … if it is also below this share of that median, so that few failures among many successes are none.
  public var ratio = 0.85
  /// The largest share of a service's instances that is out at a time, rounded down, though at least one; never the last
  /// that could serve.
  public var maximumShare = 0.5
  /// The first time; each further time lasts that much longer, …
  public var base: Duration = .seconds(10)
  /// … up to this. One time is forgotten for each ``base`` that passes without another.
  public var maximum: Duration = .seconds(300)
  /// What is standard.
  public init() {}
}
