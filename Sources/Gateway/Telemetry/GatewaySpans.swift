import GravityTelemetry

/// One event loop's spans: a request's is made when it is over, from what is known of it anyway.
///
/// What it costs while requests are served: nothing, but for one comparison, unless the trace is kept or the request
/// has failed; then a look at what is said of requests like it, and the buffer's lock for one assignment.
struct GatewaySpans {
  let sampler: Sampler
  private let tracer: Tracer
  /// Seconds since 1970.
  private let wallClock: @Sendable () -> Double
  /// `GET /api/v1/orders/{id}`, by route and method.
  private var names: [Int: String] = [:]
  /// What is said of requests that went the usual way: shared by all that went it, so nothing is allocated for one.
  private var usual: [Way: SpanAttributes] = [:]
  private struct Way: Hashable {
    var route: Int
    var method: RequestMethod
    var status: Int
    var upstream: String?
  }
  /// Instances come and go, and so do ways; a loop remembers so many.
  private static let greatestWays = 1_024

  init(_ tracer: Tracer, wallClock: @escaping @Sendable () -> Double) {
    self.tracer = tracer
    sampler = tracer.sampler
    self.wallClock = wallClock
  }

  /// What is remembered is found by numbers that other routes do not have.
  mutating func routesChanged() {
    names.removeAll(keepingCapacity: true)
    usual.removeAll(keepingCapacity: true)
  }

  /// - Parameter duration: In nanoseconds.
  @inline(__always)
  mutating func record(_ exchange: borrowing Exchange, duration: Int64) {
    guard let trace = exchange.trace, trace.isSampled || exchange.status >= 500 else { return }
    keep(exchange, trace, duration)
  }

  private mutating func keep(_ exchange: borrowing Exchange, _ trace: TraceFields, _ duration: Int64) {
    // What no route took is the log's and the metrics'.
    guard let route = exchange.route else { return }
    let end = UInt64(max(0, wallClock() * 1e9))
    let isError = exchange.status >= 500
    tracer.record(
      SpanRecord(
        context: trace.context, parentID: trace.parent == 0 ? nil : trace.parent,
        isParentRemote: trace.parent != 0, name: name(exchange.method, route), kind: .server,
        start: end - min(end, UInt64(max(0, duration))), end: end, attributes: attributes(exchange, route),
        isError: isError,
        resource: tracer.resource))
  }

  private mutating func attributes(_ exchange: borrowing Exchange, _ route: PreparedRoute) -> SpanAttributes {
    guard exchange.refusal == nil, exchange.attempts <= 1 else { return Self.attributes(exchange, route) }
    let way = Way(
      route: route.serial, method: exchange.method, status: exchange.status, upstream: exchange.upstreamID)
    if let attributes = usual[way] { return attributes }
    if usual.count >= Self.greatestWays { usual.removeAll(keepingCapacity: true) }
    let attributes = Self.attributes(exchange, route)
    usual[way] = attributes
    return attributes
  }

  private static func attributes(_ exchange: borrowing Exchange, _ route: PreparedRoute) -> SpanAttributes {
    var attributes = SpanAttributes(capacity: 8)
    attributes.append("http.request.method", .string(exchange.method.name))
    attributes.append("http.route", .string(route.route.path))
    attributes.append("http.response.status_code", .int(exchange.status))
    attributes.append("gravity.route", .string(route.route.name))
    attributes.append("peer.service", .string(route.route.service))
    if let upstream = exchange.upstreamID { attributes.append("gravity.upstream", .string(upstream)) }
    if exchange.attempts > 1 { attributes.append("http.request.resend_count", .int(exchange.attempts - 1)) }
    if let refusal = exchange.refusal { attributes.append("gravity.refusal", .string(refusal)) }
    if exchange.status >= 500 { attributes.append("error.type", .string(exchange.refusal ?? "\(exchange.status)")) }
    return attributes
  }

  private mutating func name(_ method: RequestMethod, _ route: PreparedRoute) -> String {
    let key = route.serial << 8 | Int(method.rawValue)
    if let name = names[key] { return name }
    let name = "\(method.name) \(route.route.path)"
    names[key] = name
    return name
  }
}
