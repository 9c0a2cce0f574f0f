public import GravityContracts

/// What others may know of a gateway's administration: it stands beside its gateway, on no port that anybody has to know,
/// and has no database. Each gateway answers for itself and says who it is: where several stand behind one address, each
/// answer is that of the one that was asked.
public enum GatewayAPI {
  /// Where it is found. `gateway` are the gateways themselves.
  public static let service = "gateway-admin"

  /// Sees routes, instances, limits and counters.
  public static let read: Permission = "gateway:read"
  /// Resets breakers.
  public static let write: Permission = "gateway:write"

  /// A test compares this with what the server binds.
  public static let endpoints: [any EndpointDescription] = [
    gateway, routes, instances, resetBreaker, limits, traffic,
  ]

  /// The gateway that answers.
  public static let gateway = Endpoint<Empty, GatewayView>(
    "gateway", .get, "/api/v1/gateway", access: .permission(read),
    summary: "Which gateway this is, and how it stands to the source of its routes")

  /// What it lets through.
  public static let routes = Endpoint<PageRequest, GatewayPage<RouteView>>(
    "routes", .get, "/api/v1/gateway/routes", access: .permission(read),
    summary: "Routes in the order in which they were given")

  /// What it knows of instances.
  public static let instances = Endpoint<PageRequest, GatewayPage<InstanceView>>(
    "instances", .get, "/api/v1/gateway/instances", access: .permission(read),
    summary: "Instances of every service that a route names, with health, breaker and load, by service and id")

  /// The instance has to fail as often again before it is left alone.
  public static let resetBreaker = Endpoint<BreakerReset, InstanceView>(
    "resetBreaker", .post, "/api/v1/gateway/breakers/reset", access: .permission(write),
    summary: "Close the breaker of an instance, at this gateway", problems: ["not_found"])

  /// What it limits, and what it refused.
  public static let limits = Endpoint<PageRequest, GatewayPage<LimitView>>(
    "limits", .get, "/api/v1/gateway/limits", access: .permission(read),
    summary: "Limits of requests and what they refused: the gateway's own, then those of routes")

  /// What it answered.
  public static let traffic = Endpoint<PageRequest, GatewayPage<TrafficView>>(
    "traffic", .get, "/api/v1/gateway/traffic", access: .permission(read),
    summary: "Requests and latencies by route, in all and in the last minute")
}
