/// Finds the instances of one service that fail while the others succeed, takes them out of the set for a time and back
/// in. Pure: it is told the time, and when to judge.
struct EjectionJudge {
  enum Change {
    /// - Parameters:
    ///   - rate: Of the instance's requests that succeeded, 0 to 1; `others` is the median of its siblings.
    ///   - nanoseconds: How long it is out.
    case ejected(UpstreamInstance, rate: Double, others: Double, nanoseconds: Int64)
    case returned(UpstreamInstance)
  }

  private struct Counts {
    var requests = 0
    var failures = 0
    var successRate: Double { requests == 0 ? 1 : 1 - Double(failures) / Double(requests) }
  }

  private struct Record {
    let instance: UpstreamInstance
    /// As it stood at the last judgement.
    var totals: Counts
    /// What came in each of the last intervals, the newest last.
    var recent: [Counts] = []
    /// How often it was ejected, less what was forgotten.
    var times = 0
    var until: Int64?
    /// When the next of its times is forgotten.
    var forgetAt: Int64 = 0

    init(_ instance: UpstreamInstance) {
      self.instance = instance
      let (requests, failures) = instance.totals
      totals = Counts(requests: requests, failures: failures)
    }

    var window: Counts {
      recent.reduce(into: Counts()) {
        $0.requests += $1.requests
        $0.failures += $1.failures
      }
    }
  }

  private let settings: EjectionSettings
  private var records: [Record] = []

  init(_ settings: EjectionSettings) { self.settings = settings }

  /// How many are out.
  var ejectedCount: Int { records.count { $0.until != nil } }

  /// Closes an interval and judges by the last ones.
  ///
  /// - Parameters:
  ///   - set: The service's instances now.
  ///   - now: Nanoseconds of the monotonic clock.
  mutating func judge(_ set: [UpstreamInstance], now: Int64) -> [Change] {
    records = set.map { instance in records.first { $0.instance === instance } ?? Record(instance) }
    var changes: [Change] = []
    for index in records.indices {
      count(index)
      if readmit(index, now) { changes.append(.returned(records[index].instance)) }
    }
    for (index, others) in failing() where mayEject(index) { changes.append(eject(index, others, now)) }
    return changes
  }

  private mutating func count(_ index: Int) {
    let (requests, failures) = records[index].instance.totals
    let before = records[index].totals
    records[index].totals = Counts(requests: requests, failures: failures)
    records[index].recent.append(
      Counts(requests: max(0, requests - before.requests), failures: max(0, failures - before.failures)))
    let surplus = records[index].recent.count - max(1, settings.intervals)
    if surplus > 0 { records[index].recent.removeFirst(surplus) }
  }

  private mutating func readmit(_ index: Int, _ now: Int64) -> Bool {
    let base = max(1, settings.base.nanoseconds)
    guard let until = records[index].until else {
      if records[index].times > 0, now >= records[index].forgetAt {
        records[index].times -= 1
        records[index].forgetAt = now + base
      }
      return false
    }
    guard now >= until else { return false }
    records[index].until = nil
    // What it did before it was out is paid for.
    records[index].recent.removeAll()
    records[index].forgetAt = now + base
    records[index].instance.readmit(now: now)
    return true
  }

  /// Those whose success rate is too far below the others', the worst first.
  ///
  /// Each is held against the *others*, by their median and the median deviation from it: a mean of few rates follows the
  /// very one that is looked for. Of three instances none is ever 1.9 standard deviations below the mean of all, and of
  /// five two that fail half of their requests hide each other.
  private func failing() -> [(index: Int, others: Double)] {
    let judged = records.indices.filter { index in
      let record = records[index]
      // Who is out, unhealthy or behind an open breaker gets no requests by which to judge it now.
      return record.instance.isUsable && record.instance.breaker.phase == .closed
        && record.window.requests >= settings.minimumRequests
    }
    guard judged.count > 1 else { return [] }
    let rates = Dictionary(uniqueKeysWithValues: judged.map { ($0, records[$0].window.successRate) })
    let found = judged.compactMap { index -> (index: Int, others: Double)? in
      let others = judged.filter { $0 != index }.compactMap { rates[$0] }
      let middle = Self.median(others)
      // For a normal distribution the standard deviation is that much of the median one.
      let deviation = 1.4826 * Self.median(others.map { abs($0 - middle) })
      let bound = min(middle - settings.deviations * deviation, middle * settings.ratio)
      return rates[index, default: 1] < bound ? (index, middle) : nil
    }
    return found.sorted { rates[$0.index, default: 1] < rates[$1.index, default: 1] }
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let half = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[half - 1] + sorted[half]) / 2 : sorted[half]
  }

  private func mayEject(_ index: Int) -> Bool {
    let allowed = max(1, Int(Double(records.count) * settings.maximumShare))
    guard ejectedCount < allowed else { return false }
    return records.indices.contains { other in
      other != index && records[other].instance.isUsable && records[other].instance.breaker.phase == .closed
    }
  }

  private mutating func eject(_ index: Int, _ others: Double, _ now: Int64) -> Change {
    let rate = records[index].window.successRate
    records[index].times += 1
    let (product, overflow) = settings.base.nanoseconds.multipliedReportingOverflow(by: Int64(records[index].times))
    let length = min(overflow ? .max : product, settings.maximum.nanoseconds)
    records[index].until = now + length
    records[index].instance.eject()
    return .ejected(records[index].instance, rate: rate, others: others, nanoseconds: length)
  }
}
