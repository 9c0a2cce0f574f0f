/// When a service is asked for less, because its answers wait for one another.
public struct ConcurrencySettings: Sendable {
  /// Without it a service is asked for as much as comes.
  public var isOn = true
  /// Answers that begin sooner than this are never thought to wait.
  public var floor: Duration = .milliseconds(250)
  /// Half of the answers may take so many times what they take in good times.
  public var tolerance = 2.0
  /// Requests that one event loop has a service answer at a time, at least and at most.
  public var minimum = 16
  /// As ``minimum``, the most; not below it.
  public var maximum = 2_048
  /// The share of the limit that is kept for routes that are ``Route/isUrgent``.
  public var reserve = 0.1
  /// Between two looks.
  public var interval: Duration = .milliseconds(500)
  /// What is standard.
  public init() {}
}

/// How many requests one event loop has a service answer at a time.
///
/// A service that is asked for more than it can do answers everything late, and nothing in time for whoever waits. So it
/// is asked for less as soon as half of its answers take longer than they should: by the gradient, what they should take
/// divided by what they take. What they should take is learnt: what they take while they do not wait, and, where no more
/// are under way than the least limit lets in, whatever they take. As long as all is well the limit grows by its square root, which is about how
/// many have to wait to keep a service busy.
///
/// The middle answer is looked at rather than the mean: one slow route among quick ones is no queue, but a queue delays
/// all. Pure: it is told the time.
struct ConcurrencyLimit: Sendable {
  private let settings: ConcurrencySettings
  private let floor: Double
  private let interval: Int64
  /// Fewer answers than this say nothing.
  private static let leastAnswers = 10
  private var exact: Double
  private var reserved: Int
  private(set) var limit: Int
  private(set) var inFlight = 0
  /// What the middle answer takes in good times, in nanoseconds; 0 before the first.
  private(set) var usual = 0.0
  private var answers = LatencyHistogram()
  private var count = 0
  private var highest = 0
  private var began = Int64.min

  init(_ settings: ConcurrencySettings) {
    self.settings = settings
    floor = Double(settings.floor.nanoseconds)
    interval = settings.interval.nanoseconds
    exact = Double(max(1, settings.maximum))
    limit = max(1, settings.maximum)
    reserved = 0
    keep(exact)
  }

  /// Takes a place for a request, if there is one.
  mutating func enter(isUrgent: Bool) -> Bool {
    guard !settings.isOn || inFlight < (isUrgent ? limit : limit - reserved) else { return false }
    enterAnyway()
    return true
  }

  /// Counts a request that the service has already.
  mutating func enterAnyway() {
    inFlight += 1
    if inFlight > highest { highest = inFlight }
  }

  /// - Parameter latency: Nanoseconds until the answer began, or was given up; nil where that says nothing about the
  ///   service.
  mutating func leave(latency: Int64?, now: Int64) {
    inFlight = max(0, inFlight - 1)
    guard settings.isOn, let latency else { return }
    answers.record(latency)
    count += 1
    if began == .min { began = now }
    guard now - began >= interval, count >= Self.leastAnswers else { return }
    if let middle = answers.quantile(0.5) { look(Double(middle)) }
    answers.clear()
    count = 0
    highest = inFlight
    began = now
  }

  var isAtMost: Bool { limit >= settings.maximum }

  private mutating func look(_ middle: Double) {
    if usual == 0 { usual = middle }
    let allowed = max(floor, settings.tolerance * usual)
    guard middle > allowed else {
      // What is quick is learnt soon, what is slower only over many minutes.
      usual += (middle - usual) / (middle < usual ? 8 : 1_024)
      return keep(exact + exact.squareRoot())
    }
    // Nothing waits for so few others: that is what answers take now. A service that is cold after a restart, say, is slow
    // without being asked for too much, and a burst behind its first answers must find room.
    guard exact > Double(settings.minimum), highest > settings.minimum else { return usual = middle }
    // From what there was, which may be far less than there might have been.
    keep(min(exact, Double(highest)) * max(0.5, allowed / middle))
  }

  private mutating func keep(_ value: Double) {
    exact = min(Double(settings.maximum), max(Double(settings.minimum), value))
    limit = max(1, Int(exact))
    reserved = min(limit - 1, Int((exact * settings.reserve).rounded(.up)))
  }
}
