extension SagaRunner {
  /// The bounds of a runner. Durations are at most a day.
  public struct Configuration: Sendable {
    /// How many sagas run at once; 1 to 10 000.
    public var concurrency = 64
    /// How long an instance that does not say that it lives keeps its sagas; renewed at a third of it. At least 30 ms.
    public var lease = Duration.seconds(10)
    /// Whether whatever is owned when the runner starts is taken over at once, instead of when its lease has run out:
    /// for a database that one process has for itself.
    public var isAlone = false
    /// How long a runner that was not woken waits before it looks, give or take a fifth; at most a minute.
    public var pollInterval = Duration.seconds(5)
    /// How many sagas are claimed in one transaction; 1 to 1 000.
    public var batch = 32
    /// How long attempts may go on after a shutdown has begun, before they are cancelled and given back.
    public var drainTimeout = Duration.seconds(20)
    /// How long a cancelled attempt may take to end before it is left behind.
    public var cancellationGrace = Duration.seconds(5)
    /// How often ended sagas are deleted and gauges counted.
    public var upkeepInterval = Duration.seconds(30)
    /// How many ended sagas are deleted in one transaction.
    public var deletionBatch = 200
    /// 0 to 1, for jitter.
    public var chance: @Sendable () -> Double = { .random(in: 0...1) }

    public init() {}

    func bounded() -> Configuration {
      func bounded(_ duration: Duration, from least: Duration, to most: Duration = .seconds(86_400)) -> Duration {
        min(max(duration, least), most)
      }
      var bounds = self
      bounds.concurrency = min(max(1, concurrency), 10_000)
      bounds.lease = bounded(lease, from: .milliseconds(30))
      bounds.pollInterval = bounded(pollInterval, from: .milliseconds(1), to: .seconds(60))
      bounds.batch = min(max(1, batch), 1_000)
      bounds.drainTimeout = bounded(drainTimeout, from: .zero)
      bounds.cancellationGrace = bounded(cancellationGrace, from: .zero)
      bounds.upkeepInterval = bounded(upkeepInterval, from: .milliseconds(1))
      bounds.deletionBatch = min(max(1, deletionBatch), 10_000)
      return bounds
    }
  }
}
