/// How Consul is used. What is given here are the bounds of everything that waits.
public struct ConsulSettings: Sendable {
  public var address: ConsulAddress
  /// How long a blocking query waits for a change; Consul takes up to 10 minutes and adds up to a sixteenth.
  public var wait: Duration = .seconds(300)
  /// Beyond what a query waits, how long its answer may take; and how long a write may.
  public var requestTimeout: Duration = .seconds(3)
  /// How often the agent is asked whether it lives and has a leader. A blocking query says nothing for minutes, so this
  /// is how soon an agent that froze, or a network that swallows everything, is noticed.
  public var pulse: Duration = .seconds(5)
  /// How often the agent is asked whether it still knows an instance that was registered.
  public var lookInterval: Duration = .seconds(5)
  /// Between an instance's health checks.
  public var checkInterval: Duration = .seconds(10)
  public var checkTimeout: Duration = .seconds(2)
  /// How long an instance may fail its checks before Consul forgets it; Consul takes a minute at least.
  public var deregisterAfter: Duration = .seconds(60)
  /// How long, after Consul was away or had lost its memory, instances that it does not name are kept: those that live
  /// register again meanwhile.
  public var settling: Duration = .seconds(15)
  /// How long an instance that has left goes on accepting, because others hear of it only then.
  public var departure: Duration = .milliseconds(500)
  /// The first and the greatest pause between attempts to reach an agent that is away.
  public var firstPause: Duration = .milliseconds(100)
  public var greatestPause: Duration = .seconds(5)
  /// Answers of one watch at once, and a second on average: Consul may have more changes than are worth following.
  public var burst = 20
  public var answersPerSecond = 5.0

  public init(address: ConsulAddress) { self.address = address }
}
