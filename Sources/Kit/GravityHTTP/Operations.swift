public import Foundation
public import GravityTelemetry
import HTTPTypes
public import Hummingbird
import NIOFoundationCompat
import Synchronization

/// What every service answers besides its endpoints: `/health/live`, `/health/ready`, `/health`, `/metrics` and
/// `/openapi.json`. These are for operators on the inside; the gateway routes none of them.
public struct Operations<Inner: HTTPResponder<RequestScope>>: HTTPResponder {
  public typealias Context = RequestScope
  private let inner: Inner
  private let readiness: Readiness
  private let checks: [HealthCheck]
  private let metrics: PrometheusMetrics
  private let openAPI: Data

  public init(
    _ inner: Inner, readiness: Readiness, checks: [HealthCheck], metrics: PrometheusMetrics, openAPI: Data
  ) {
    self.inner = inner
    self.readiness = readiness
    self.checks = checks
    self.metrics = metrics
    self.openAPI = openAPI
  }

  public func respond(to request: Request, context: RequestScope) async throws -> Response {
    guard request.method == .get || request.method == .head else {
      return try await inner.respond(to: request, context: context)
    }
    let response = try await answer(request, context)
    return request.method == .head ? response.createHeadResponse() : response
  }

  private func answer(_ request: Request, _ context: RequestScope) async throws -> Response {
    switch request.uri.path {
    case "/health/live": return Self.json(200, "{\"status\":\"up\"}")
    case "/health/ready":
      return readiness.isReady ? Self.json(200, "{\"status\":\"up\"}") : Self.json(503, "{\"status\":\"down\"}")
    case "/health": return await health()
    case "/metrics": return Self.reply(200, "text/plain; version=0.0.4; charset=utf-8", Data(metrics.text().utf8))
    case "/openapi.json": return Self.reply(200, "application/json", openAPI)
    default: return try await inner.respond(to: request, context: context)
    }
  }

  /// The checks run side by side, each with a bound of its own, so that a dependency that hangs delays no answer.
  private func health() async -> Response {
    let results = await withTaskGroup(of: (String, String).self) { group in
      for check in checks { group.addTask { (check.name, await check.status()) } }
      return await group.reduce(into: [String: String]()) { $0[$1.0] = $1.1 }
    }
    let isUp = readiness.isReady && !results.values.contains("down")
    let list = results.sorted { $0.key < $1.key }.map { name, status in
      "\"\(name)\":{\"status\":\"\(status)\"}"
    }.joined(separator: ",")
    return Self.json(isUp ? 200 : 503, "{\"status\":\"\(isUp ? "up" : "down")\",\"checks\":{\(list)}}")
  }

  private static func json(_ status: Int, _ text: String) -> Response {
    reply(status, "application/json", Data(text.utf8))
  }
  private static func reply(_ status: Int, _ type: String, _ body: Data) -> Response {
    Response(
      status: .init(code: status), headers: [.contentType: type, .cacheControl: "no-store"],
      body: .init(byteBuffer: .init(data: body)))
  }
}

/// Whether a service takes requests: yes once it is started, no again as soon as it is asked to stop.
public final class Readiness: Sendable {
  private let ready = Atomic(false)
  private let wasReady = Atomic(false)
  public init() {}
  public var isReady: Bool { ready.load(ordering: .relaxed) }
  /// Whether it ever took requests.
  public var hasBeenReady: Bool { wasReady.load(ordering: .relaxed) }
  public func set(_ isReady: Bool) {
    ready.store(isReady, ordering: .relaxed)
    if isReady { wasReady.store(true, ordering: .relaxed) }
  }
}

/// A look at something that a service needs.
public struct HealthCheck: Sendable {
  /// `database`, `broker`, …
  public var name: String
  /// Whether the service is down with it; else a fault is `degraded`, and the service goes on.
  public var isCritical: Bool
  /// What is wrong, for the log; nil when all is well. Gives way when it is cancelled.
  public var fault: @Sendable () async -> String?

  public init(_ name: String, isCritical: Bool = true, fault: @escaping @Sendable () async -> String?) {
    self.name = name
    self.isCritical = isCritical
    self.fault = fault
  }

  /// The longest that anybody waits for a look.
  static let patience: Duration = .seconds(1)

  func status() async -> String {
    guard await boundedFault() != nil else { return "up" }
    return isCritical ? "down" : "degraded"
  }

  private func boundedFault() async -> String? {
    await withTaskGroup(of: String?.self) { group in
      group.addTask { await fault() }
      group.addTask {
        do { try await Task.sleep(for: Self.patience) } catch { return nil }
        return "no answer within \(Self.patience)"
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
  }
}
