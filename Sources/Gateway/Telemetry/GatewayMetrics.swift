import CoreMetrics

/// The gateway's metrics. Handles are made once for each label set, on the event loop that needs it first.
struct GatewayMetrics: Sendable {
  private let factory: any MetricsFactory
  let activeConnections: Meter
  /// Of clients that were closed at once, since their event loop had as many as it takes.
  let refusedConnections: Counter
  let upstreamConnections: Meter
  let rateLimited: Counter
  let retries: Counter
  /// Answers that would have been compressed, but for those that are.
  let uncompressed: Counter
  let limits: LimitMetrics
  let blacklist: BlacklistMetrics
  let openStreams: Meter
  /// Connections that were given up because the client broke HTTP/2's rules or flooded.
  let http2Errors: Counter
  let handshakeFailures: Counter
  let certificateReloads: Counter
  let certificateFailures: Counter
  /// Until the certificate ends.
  let certificateSeconds: Gauge

  init(factory: any MetricsFactory) {
    self.factory = factory
    activeConnections = Meter(label: "http.server.active_connections", dimensions: [], factory: factory)
    refusedConnections = Counter(label: "gateway.connections.refused", dimensions: [], factory: factory)
    upstreamConnections = Meter(label: "http.client.open_connections", dimensions: [], factory: factory)
    rateLimited = Counter(label: "gateway.rate_limited", dimensions: [], factory: factory)
    retries = Counter(label: "gateway.retries", dimensions: [], factory: factory)
    uncompressed = Counter(label: "gateway.compression.skipped", dimensions: [], factory: factory)
    limits = LimitMetrics(factory: factory)
    blacklist = BlacklistMetrics(factory: factory)
    openStreams = Meter(label: "gateway.http2.open_streams", dimensions: [], factory: factory)
    http2Errors = Counter(label: "gateway.http2.errors", dimensions: [], factory: factory)
    handshakeFailures = Counter(label: "gateway.tls.handshake_failures", dimensions: [], factory: factory)
    certificateReloads = Counter(label: "gateway.tls.reloads", dimensions: [], factory: factory)
    certificateFailures = Counter(label: "gateway.tls.reload_failures", dimensions: [], factory: factory)
    certificateSeconds = Gauge(label: "gateway.tls.certificate_seconds", dimensions: [], factory: factory)
  }

  func duration(method: String, route: String, status: Int) -> Timer {
    Timer(
      label: "http.server.request.duration",
      dimensions: [
        ("http.request.method", method), ("http.route", route), ("http.response.status_code", "\(status)"),
      ], preferredDisplayUnit: .seconds, factory: factory)
  }

  /// Requests that a limit would have refused that is only watched.
  func shadowed(policy: String) -> Counter {
    Counter(label: "gateway.limit.shadowed", dimensions: [("gravity.limit.policy", policy)], factory: factory)
  }

  /// Requests that were refused because the service answers too slowly.
  func overloaded(service: String) -> Counter {
    Counter(label: "gateway.overloaded", dimensions: [("gravity.service", service)], factory: factory)
  }

  /// How often an instance was taken out because it failed while others succeeded.
  func ejections(service: String) -> Counter {
    Counter(label: "gateway.ejections", dimensions: [("gravity.service", service)], factory: factory)
  }

  /// How many instances are out for that now.
  func ejected(service: String) -> Gauge {
    Gauge(label: "gateway.ejected", dimensions: [("gravity.service", service)], factory: factory)
  }

  /// Routes that an instance is not asked for, because its breaker for them is not closed.
  func openRoutes(service: String, instance: String) -> Gauge {
    Gauge(
      label: "gateway.breaker.routes", dimensions: [("gravity.service", service), ("gravity.instance", instance)],
      factory: factory)
  }

  /// 0 closed, 1 half open, 2 open.
  func breakerState(service: String, instance: String) -> Gauge {
    Gauge(
      label: "gateway.breaker.state", dimensions: [("gravity.service", service), ("gravity.instance", instance)],
      factory: factory)
  }
}
