import Gateway
import GravityDiscovery
import GravityTelemetry
import Logging

/// `/metrics` at a gateway's own port.
///
/// Whoever reaches the gateway reads it, so on the open network somebody has to want it.
enum GatewayDocuments {
  static let path = "/metrics"

  /// Nothing where it is not shown; then the log says how it would be.
  ///
  /// - Parameter isLoopback: Whether the gateway is reached from this machine only.
  static func metrics(
    _ metrics: PrometheusMetrics, _ layers: LayeredConfiguration, isLoopback: Bool, _ logger: Logger
  ) throws -> [String: LocalDocument] {
    let isWanted = try layers.optional(Settings.gatewayMetrics)
    guard isWanted ?? isLoopback else {
      if isWanted == nil {
        logger.notice(
          "metrics are not shown where others reach the gateway; GRAVITY_GATEWAY_METRICS=true shows them at /metrics, to all who do"
        )
      }
      return [:]
    }
    return [path: .rendered("text/plain; version=0.0.4; charset=utf-8") { Array(metrics.text().utf8) }]
  }
}
