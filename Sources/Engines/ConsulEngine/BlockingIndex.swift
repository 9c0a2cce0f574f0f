/// The place in Consul's history up to which a watch has seen it ("Blocking Queries", Implementation Details).
struct BlockingIndex: Equatable {
  /// 0 asks for an answer at once.
  private(set) var value: UInt64 = 0

  enum Step: Equatable {
    case forward
    /// Consul was restored, or started anew: what it says is another history, and is asked for from its beginning.
    case backward
  }

  /// - Parameter answered: What the answer's head says; an index of 0, or none at all, would make the next query return
  ///   at once for ever.
  mutating func take(_ answered: UInt64?) -> Step {
    let answered = max(answered ?? 1, 1)
    guard answered >= value else {
      value = 0
      return .backward
    }
    value = answered
    return .forward
  }

  /// After a break nothing is known of what happened since.
  mutating func reset() { value = 0 }
}

/// Lets so many through at once and then so many a second.
struct AnswerBudget {
  private let burst: Double
  private let perSecond: Double
  private var tokens: Double
  private var last: ContinuousClock.Instant

  init(burst: Int, perSecond: Double, now: ContinuousClock.Instant) {
    self.burst = Double(burst)
    self.perSecond = perSecond
    tokens = Double(burst)
    last = now
  }

  /// Takes one. - Returns: how long to wait before going on.
  mutating func take(now: ContinuousClock.Instant) -> Duration {
    tokens = min(burst, tokens + (now - last) / .seconds(1) * perSecond)
    last = now
    tokens -= 1
    return tokens >= 0 ? .zero : .seconds(-tokens / perSecond)
  }
}
