#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How loaded an instance seems: peak EWMA, which rises with a slow answer at once and forgets it over ten seconds, also
/// where nothing is asked of it any more: what seems slow is asked nothing, and could not prove that it is well again.
/// Pure: it is told the time.
struct LoadEstimate: Sendable {
  /// Nanoseconds after which a slow answer counts for 1/e.
  static let decay = 10e9
  /// Nanoseconds.
  private(set) var latency = 0.0
  private var last = Int64.min
  /// Requests sent and not answered.
  private(set) var pending = 0

  init() {}

  mutating func began() { pending += 1 }

  /// - Parameter latency: Nanoseconds until the answer began; nil where there was none to measure.
  mutating func ended(latency observed: Int64?, now: Int64) {
    pending = max(0, pending - 1)
    guard let observed else { return }
    let sample = Double(observed)
    if last == .min || sample > latency(now) {
      latency = sample
    } else {
      let weight = exp(-Double(max(0, now - last)) / Self.decay)
      latency = latency * weight + sample * (1 - weight)
    }
    last = now
  }

  /// It was waited for in vain for so long, which is less than an answer would have taken.
  mutating func ended(noAnswerWithin waited: Int64, now: Int64) {
    let isSlower = last == .min || Double(waited) > latency(now)
    ended(latency: isSlower ? waited : nil, now: now)
  }

  private func latency(_ now: Int64) -> Double {
    guard now > last, last > .min else { return latency }
    return latency * exp(-Double(now - last) / Self.decay)
  }

  /// Cost of sending it one more: less is better.
  func cost(weight: Int, now: Int64) -> Double {
    (latency(now) + 1) * Double(pending + 1) / Double(max(1, weight))
  }
}
