/// An instance as a gateway knows it at one moment.
public struct InstanceReport: Sendable {
  /// Whether requests are sent to it.
  public enum Breaker: Sendable, Equatable {
    case closed
    /// For so long.
    case open(left: Duration)
    /// A few requests see whether it is back.
    case halfOpen
  }

  /// The service whose instance it is.
  public var service: String
  /// The instance's id in the registry.
  public var id: String
  /// `host:port`
  public var address: String
  /// What the last look at its health said; true before the first, and where nobody asks it.
  public var isHealthy: Bool
  /// Whether it is asked how it is.
  public var isProbed: Bool
  /// Whether it is left out because it fails while others succeed.
  public var isEjected: Bool
  /// Whether it can be reached, as its breaker says.
  public var breaker: Breaker
  /// Routes of which it answers badly or not at all, so that they are not sent there.
  public var openRoutes: Int
  /// How often it could not be reached in a row; 0 after it was.
  public var consecutiveFailures: Int
  /// Requests sent and not answered.
  public var pending: Int
  /// How long an answer is thought to take: the most that an event loop thinks; nil before the first answer.
  public var latency: Duration?
  /// In use or not.
  public var connections: Int
  /// Of ``connections``, those that no request uses.
  public var idleConnections: Int
}

/// What one event loop knows of an instance.
struct InstanceLoad: Sendable {
  var pending = 0
  /// Nanoseconds.
  var latency = 0.0
  var connections = 0
  var idle = 0
}

/// A limit of the gateway, or of one of its routes.
public struct LimitReport: Sendable {
  /// The limit as it is now, whatever it was made with.
  public var limit: RateLimit
  /// nil where it holds for every route.
  public var route: String?
  /// Whether other gateways count in it.
  public var isShared: Bool
  /// Since the gateway began.
  public var refused: Int
  /// What would have been refused were the limit not only watched, since then.
  public var watched: Int
}
