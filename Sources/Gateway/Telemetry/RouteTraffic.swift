/// What was asked of one route, and how long the answers took.
public struct RouteTraffic: Sendable, Equatable {
  /// Answers by the first digit of their status, from 1xx to 5xx.
  public private(set) var answers = [0, 0, 0, 0, 0]
  /// How long the answers took.
  public private(set) var latency = LatencyHistogram()

  /// Nothing was asked yet.
  public init() {}

  /// All that were answered, whatever the status.
  public var requests: Int { answers.reduce(0, +) }

  /// - Parameter status: 100 to 599.
  mutating func record(_ nanoseconds: Int64, status: Int) {
    answers[max(0, min(4, status / 100 - 1))] &+= 1
    latency.record(nanoseconds)
  }

  /// Counts what was counted elsewhere, too.
  public mutating func add(_ other: RouteTraffic) {
    for index in answers.indices { answers[index] += other.answers[index] }
    latency.add(other.latency)
  }

  /// What came after `earlier`; all of it where that is more, because the counting began anew.
  public func since(_ earlier: RouteTraffic) -> RouteTraffic {
    guard zip(answers, earlier.answers).allSatisfy({ $0 >= $1 }) else { return self }
    var difference = self
    for index in answers.indices { difference.answers[index] -= earlier.answers[index] }
    difference.latency.subtract(earlier.latency)
    return difference
  }
}

/// How long something took, many times: in classes of which each is at most an eighth wider than its lower end, from
/// 8 µs to about 68 s; what is shorter or longer is in the first or last.
public struct LatencyHistogram: Sendable, Equatable {
  private static let firstOctave = 13
  private static let octaves = 23
  /// Empty until there is something to count.
  private var counts: [UInt32] = []

  /// Nothing was counted yet.
  public init() {}

  mutating func record(_ nanoseconds: Int64) {
    if counts.isEmpty { counts = Array(repeating: 0, count: Self.octaves * 8) }
    counts[Self.place(nanoseconds)] &+= 1
  }

  /// Nothing was counted; the room for it is kept.
  mutating func clear() { for index in counts.indices { counts[index] = 0 } }

  private static func place(_ nanoseconds: Int64) -> Int {
    guard nanoseconds >= 1 << firstOctave else { return 0 }
    let octave = 63 - nanoseconds.leadingZeroBitCount
    guard octave < firstOctave + octaves else { return octaves * 8 - 1 }
    return (octave - firstOctave) * 8 + Int(nanoseconds >> (octave - 3) & 7)
  }

  mutating func add(_ other: LatencyHistogram) {
    guard !counts.isEmpty, !other.counts.isEmpty else {
      if counts.isEmpty { counts = other.counts }
      return
    }
    for index in counts.indices { counts[index] &+= other.counts[index] }
  }

  mutating func subtract(_ other: LatencyHistogram) {
    guard !other.counts.isEmpty else { return }
    for index in counts.indices { counts[index] &-= min(counts[index], other.counts[index]) }
  }

  /// What `share` of all took at most, in nanoseconds: the upper end of the class in which it lies.
  ///
  /// - Returns: nil where nothing was counted.
  public func quantile(_ share: Double) -> Int64? {
    let total = counts.reduce(0) { $0 + Int($1) }
    guard total > 0 else { return nil }
    let rank = max(1, Int((Double(total) * share).rounded(.up)))
    var seen = 0
    for (place, count) in counts.enumerated() {
      seen += Int(count)
      guard seen >= rank else { continue }
      let next = place + 1
      return Int64(8 + next % 8) << (next / 8 + Self.firstOctave - 3)
    }
    return nil
  }
}
