/// How a gateway that was given a store of limits uses it.
public struct SharedLimitSettings: Sendable {
  /// How long a request waits for the store; longer means that the store is away. At least a millisecond.
  public var patience: Duration = .milliseconds(50)
  /// For how long leased requests are good: at most a second, and at most a quarter of the limit's window.
  public var leaseLife: Duration = .seconds(1)
  /// What all gateways together may hold as leases of one caller's limit, as a share of it; each has that divided by
  /// their number, twice while one lease replaces another. 0 to 1.
  public var leaseShare = 0.1
  /// Of limits that are smaller …
  public var leasedFromRequests = 50
  /// … or slower than so many requests a second, the store is asked for every request: a lease would be a good part of
  /// such a limit, and who may send so little asks little.
  public var leasedFromRequestsPerSecond = 20.0
  /// Between two calls of the store; what is asked meanwhile goes in one call.
  public var gathering: Duration = .milliseconds(2)
  /// Callers that one call is about.
  public var claimsPerCall = 512
  /// Requests that wait for the store at a time, and callers that are asked about; beyond, the gateway's share decides.
  public var waitingRequests = 16_384
  /// Callers whose leases are kept; the one that matters least gives way.
  public var leasedCallers = 65_536
  /// What gateways are registered as: their number divides a limit while the store is away.
  public var gatewayService = "gateway"
  /// What is standard.
  public init() {}
}
