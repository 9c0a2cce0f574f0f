/// How a route's requests are spread over the instances of its service.
///
/// Whatever the policy, an instance gets no request while its health check fails or it is ejected, unless too few would
/// be left (``BalancingSettings/panicShare``), and none while a breaker of its is open.
public enum Balancing: Sendable, Hashable {
  /// The less loaded of two instances chosen at random: latency, which rises with a slow answer at once and is forgotten
  /// over ten seconds, times requests that wait for an answer, by weight. Each event loop goes by what it sees itself.
  case peakEWMA
  /// One after the other, in proportion to their weights and without bursts (smooth weighted round robin), on each event
  /// loop by itself.
  case roundRobin
  /// The one with the fewest requests that are not answered whole, by weight; all event loops count together.
  case leastConnections
  /// The same instance for the same key, by weighted rendezvous hashing: gateways that know the same instances choose
  /// the same, and one more or less of `n` moves about a part in `n` of the keys. Neither the zone nor slow start counts.
  /// A request without the key goes by ``peakEWMA``.
  ///
  /// - Parameter loadFactor: How much more than its share of the requests under way an instance may have before the key
  ///   goes to its next choice (consistent hashing with bounded loads): 1.25 is a quarter more; more than 1. nil sets no
  ///   bound, so that a key moves only when its instance is away.
  case consistentHash(by: HashKey, loadFactor: Double? = nil)

  /// What stays with one instance.
  public enum HashKey: Sendable, Hashable {
    /// The client's address, as trusted proxies tell it.
    case client
    /// The first line of a header field that travels on.
    case header(String)
    /// A cookie's value (RFC 6265 §4.2).
    case cookie(String)
    /// The value of a field of the route's path, by its name: `id` of `/items/{id}`.
    case pathField(String)
  }
}
