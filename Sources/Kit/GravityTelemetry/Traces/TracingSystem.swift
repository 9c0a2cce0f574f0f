import Foundation

/// The traces of one process: a tracer for each of its services, and what they recorded.
public struct TracingSystem: Sendable {
  public let settings: TraceSettings
  /// Where all spans of the process go first; ``SpanBuffer/recent(_:)`` is for a console.
  public let spans: SpanBuffer
  private let version: String
  private let isShared: Bool
  private let clock: TraceClock
  private let instance = UUID().uuidString.lowercased()

  /// - Parameters:
  ///   - version: Of the build, for `service.version`.
  ///   - isShared: Whether several services run in the process. `OTEL_SERVICE_NAME` is then put before the name of
  ///     each (`shop-auth`); for a service alone it is the name.
  public init(_ settings: TraceSettings, version: String, isShared: Bool, clock: TraceClock = .system) {
    self.settings = settings
    self.version = version
    self.isShared = isShared
    self.clock = clock
    // Without an exporter they are kept for the console, if anybody wants spans at all.
    spans = SpanBuffer(
      capacity: settings.isEnabled ? settings.queueSize : 1, batch: settings.batchSize,
      isExported: settings.isEnabled && settings.export != nil)
  }

  /// - Parameter service: `auth`, `gateway`, …
  public func tracer(for service: String) -> Tracer {
    guard settings.isEnabled else { return .disabled }
    let name = settings.serviceName.map { isShared ? "\($0)-\(service)" : $0 } ?? service
    var attributes = [
      "service.version": version, "service.instance.id": instance,
      "telemetry.sdk.name": "gravity", "telemetry.sdk.language": "swift", "telemetry.sdk.version": version,
      "process.pid": "\(ProcessInfo.processInfo.processIdentifier)",
    ]
    // What the operator says goes before.
    attributes.merge(settings.resourceAttributes) { $1 }
    return Tracer(
      resource: SpanResource(service: name, attributes: attributes), sampler: settings.sampler, buffer: spans,
      clock: clock)
  }
}
