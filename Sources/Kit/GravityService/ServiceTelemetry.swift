public import GravityHTTP
public import GravityTelemetry
public import Logging

/// One service's voice: its log, its metrics, its traces. Services that share a process keep apart here.
public struct ServiceTelemetry: Sendable {
  /// `auth`, `gateway`, …: `service.name` in logs.
  public let service: String
  public let metrics: PrometheusMetrics
  /// Reaches what the service does by ``TracedService``.
  public let tracer: Tracer
  private let output: LogOutput
  private let level: Logger.Level

  public init(service: String, level: Logger.Level, output: LogOutput, tracer: Tracer = .disabled) {
    self.service = service
    self.output = output
    self.level = level
    self.tracer = tracer
    metrics = PrometheusMetrics()
    ProcessMetrics.install(in: metrics)
  }

  public func logger(_ label: String) -> Logger {
    Logger(label: label) { ECSLogHandler(label: $0, service: service, level: level, output: output) }
  }

  public var http: HTTPTelemetry { HTTPTelemetry(logger: logger("http"), metrics: metrics) }
}
