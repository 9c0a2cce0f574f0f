/// Makes the spans of one service. Those of a process share a ``SpanBuffer``.
public struct Tracer: Sendable {
  public let sampler: Sampler
  /// Who speaks.
  public let resource: SpanResource
  let clock: TraceClock
  private let buffer: SpanBuffer?

  public init(
    resource: SpanResource, sampler: Sampler = .parentBased(.alwaysOn), buffer: SpanBuffer,
    clock: TraceClock = .system
  ) {
    self.resource = resource
    self.sampler = sampler
    self.clock = clock
    self.buffer = buffer
  }

  private init() {
    sampler = .parentBased(.alwaysOn)
    resource = SpanResource(service: "")
    clock = .system
    buffer = nil
  }

  /// Hands contexts on, so that logs and other processes have their ids, and records nothing.
  public static let disabled = Tracer()

  /// Whether anything is recorded.
  public var isEnabled: Bool { buffer != nil }

  /// Begins a span whose parent came from elsewhere, or the first of a trace.
  ///
  /// - Parameters:
  ///   - parent: From a `traceparent`; nil begins a trace.
  public func span(_ name: String, kind: SpanKind, parent: TraceContext? = nil) -> Span {
    var context = parent?.child() ?? .root()
    context.isSampled = sampler.keeps(traceLow: context.traceID.1, parent: parent?.isSampled)
    return Span(
      self, name: name, kind: kind, context: context, parentID: parent?.spanID, isParentRemote: parent != nil,
      parent: nil)
  }

  /// Takes in a span that was measured elsewhere. Waits for nothing.
  public func record(_ span: SpanRecord) { buffer?.append(span) }
}
