import CoreMetrics
import Foundation
import HTTPTypes
import Hummingbird
public import Logging
public import GravityTelemetry
import Synchronization

/// A line in the log and a measurement for each request that a service served.
public final class HTTPTelemetry: Sendable {
  let logger: Logger
  let active: Meter
  private let metrics: PrometheusMetrics
  private let timers = Mutex<[Key: CoreMetrics.Timer]>([:])

  private struct Key: Hashable {
    var method: String
    var route: String
    var status: Int
  }

  public init(logger: Logger, metrics: PrometheusMetrics) {
    self.logger = logger
    self.metrics = metrics
    active = Meter(label: "http.server.active_requests", factory: metrics)
  }

  func served(
    _ request: Request, _ status: Int, route: String?, began: ContinuousClock.Instant, _ scope: RequestScope,
    _ span: Span
  ) {
    let elapsed = began.duration(to: .now)
    let nanoseconds = elapsed.components.seconds * 1_000_000_000 + elapsed.components.attoseconds / 1_000_000_000
    // A path that is not a route would let clients make series; a method of their own too.
    let key = Key(method: Self.known(request.method), route: route ?? "none", status: status)
    end(span, key, route)
    let timer = timers.withLock { timers in
      if let timer = timers[key] { return timer }
      let timer = CoreMetrics.Timer(
        label: "http.server.request.duration",
        dimensions: [
          ("http.request.method", key.method), ("http.route", key.route), ("http.response.status_code", "\(status)"),
        ], factory: metrics)
      timers[key] = timer
      return timer
    }
    timer.recordNanoseconds(nanoseconds)
    logger.log(
      level: status >= 500 ? .error : .info, "\(key.method) \(request.uri.path) \(status)",
      metadata: [
        "http.request.method": .string(request.method.rawValue), "url.path": .string(request.uri.path),
        "http.route": .string(key.route), "http.response.status_code": .stringConvertible(status),
        "event.duration": .stringConvertible(nanoseconds), "client.address": .string(scope.clientAddress),
      ])
  }

  private func end(_ span: Span, _ key: Key, _ route: String?) {
    span.set("http.request.method", .string(key.method))
    span.set("http.response.status_code", .int(key.status))
    if let route {
      span.rename("\(key.method) \(route)")
      span.set("http.route", .string(route))
    }
    // What a client did wrong is no failure of ours.
    if key.status >= 500 { span.fail("\(key.status)") }
    span.end()
  }

  private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

  /// Its name, where it is one that everybody knows.
  static func known(_ method: HTTPRequest.Method) -> String {
    methods.contains(method.rawValue) ? method.rawValue : "_OTHER"
  }
}
