import Gateway
import GravityTelemetry

/// A gateway's access log: in blocks, through the same output as everything else that the process logs.
enum GatewayAccessLog {
  /// - Parameter threshold: Counts where a person reads the lines, who wants no more of them than of others.
  static func lines(to output: LogOutput, _ threshold: LogThreshold, metrics: PrometheusMetrics) -> BlockAccessLog {
    BlockAccessLog(
      format: output.format, threshold: output.format == .text ? threshold : nil, metricsFactory: metrics
    ) { output.write($0) }
  }
}
