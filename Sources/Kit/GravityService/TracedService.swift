public import GravityTelemetry
public import ServiceLifecycle
import ServiceContextModule

/// Runs a service's part in the service's name: requests, tasks, events and sagas that begin in it are its spans.
public struct TracedService: Service {
  private let part: any Service
  private let tracer: Tracer

  public init(_ part: any Service, tracer: Tracer) {
    self.part = part
    self.tracer = tracer
  }

  public func run() async throws {
    var context = ServiceContext.current ?? .topLevel
    context.tracer = tracer
    try await ServiceContext.withValue(context) { try await part.run() }
  }
}

/// Exports a process's spans until shutdown, and then what is left.
///
/// Started first, so that it is stopped last and gets the spans of what ends before it.
public struct SpanExport: Service {
  private let exporter: SpanExporter

  public init(_ exporter: SpanExporter) { self.exporter = exporter }

  public func run() async throws {
    await withGracefulShutdownHandler {
      await exporter.run()
    } onGracefulShutdown: {
      exporter.stop()
    }
  }
}
