/// Bounds retries to a share of the requests and some more, so that retries cannot become the load that keeps an
/// instance down. Pure: it is told the time.
struct RetryBudget: Sendable {
  private let ratio: Double
  private let perSecond: Double
  private let maximum: Double
  private var balance: Double
  private var last: Int64?

  /// - Parameter perSecond: Of one event loop: the setting divided by their number.
  init(ratio: Double, perSecond: Double) {
    self.ratio = ratio
    self.perSecond = perSecond
    // What ten seconds give; a quiet hour earns no storm.
    maximum = max(1, perSecond * 10)
    balance = max(1, perSecond)
  }

  /// A request was taken on.
  mutating func deposit() { balance = min(maximum + 100 * ratio, balance + ratio) }

  /// Whether there is a retry left, which is spent then.
  mutating func withdraw(now: Int64) -> Bool {
    if let last { balance = min(maximum + 100 * ratio, balance + Double(now - last) / 1e9 * perSecond) }
    last = now
    guard balance >= 1 else { return false }
    balance -= 1
    return true
  }
}
