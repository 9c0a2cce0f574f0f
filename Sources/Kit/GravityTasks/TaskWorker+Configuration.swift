extension TaskWorker {
  /// The bounds of a worker. Durations are at most a day, unless something else is said.
  public struct Configuration: Sendable {
    /// A longer ``pollInterval`` counts as this.
    public static let longestPoll = Duration.seconds(60)

    /// How many tasks run at once; 1 to 10 000.
    public var concurrency = 16
    /// How long a task belongs to an attempt that does not renew it; renewed at a third of it. At least 30 ms.
    public var lease = Duration.seconds(30)
    /// How often leases that ran out are looked for, give or take a fifth.
    public var reapInterval = Duration.seconds(10)
    /// How long a worker that was not woken waits before it looks, give or take a fifth.
    public var pollInterval = Duration.seconds(5)
    /// How long tasks may go on after a shutdown has begun, before they are cancelled and given back.
    public var drainTimeout = Duration.seconds(20)
    /// How long a cancelled handler may take to end, before its slot is given to another task and its lease is left to
    /// run out.
    public var cancellationGrace = Duration.seconds(5)
    /// How long the lease lasts under which one instance fires schedules, deletes and counts.
    public var schedulerLease = Duration.seconds(15)
    /// How late a tick of a ``MissedTicks/skip`` schedule may fire.
    public var missedTolerance = Duration.seconds(60)
    /// After how long a schedule that no instance declares any more is deleted.
    public var forgetSchedules = Duration.seconds(600)
    /// How often the gauges are counted, finished tasks deleted and schedules noted.
    public var upkeepInterval = Duration.seconds(30)
    /// How many finished tasks are deleted in one transaction.
    public var deletionBatch = 500
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
      bounds.reapInterval = bounded(reapInterval, from: .milliseconds(1))
      bounds.pollInterval = bounded(pollInterval, from: .milliseconds(1), to: Self.longestPoll)
      bounds.drainTimeout = bounded(drainTimeout, from: .zero)
      bounds.cancellationGrace = bounded(cancellationGrace, from: .zero)
      bounds.schedulerLease = bounded(schedulerLease, from: .milliseconds(30))
      bounds.upkeepInterval = bounded(upkeepInterval, from: .milliseconds(1))
      bounds.deletionBatch = min(max(1, deletionBatch), 10_000)
      return bounds
    }
  }
}
