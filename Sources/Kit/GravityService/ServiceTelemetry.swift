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
  private let threshold: LogThreshold

  /// - Parameter threshold: The least level that is logged; what changes it changes it for all that share it.
  public init(service: String, threshold: LogThreshold, output: LogOutput, tracer: Tracer = .disabled) {
    self.service = service
    self.output = output
    self.threshold = threshold
    self.tracer = tracer
    let logger = Logger(label: "metrics") {
      ECSLogHandler(label: $0, service: service, threshold: threshold, output: output)
    }
    metrics = PrometheusMetrics { name in
      logger.warning(
        "a metric has too many series; what is more is counted together, under the label overflow",
        metadata: ["gravity.metric": "\(name)", "gravity.series": "\(PrometheusMetrics.greatestSeriesCount)"])
    }
    ProcessMetrics.install(in: metrics)
  }

  public init(service: String, level: Logger.Level, output: LogOutput, tracer: Tracer = .disabled) {
    self.init(service: service, threshold: LogThreshold(level), output: output, tracer: tracer)
  }

  public func logger(_ label: String) -> Logger {
    Logger(label: label) { ECSLogHandler(label: $0, service: service, threshold: threshold, output: output) }
  }

  public var http: HTTPTelemetry { HTTPTelemetry(logger: logger("http"), metrics: metrics) }
}
