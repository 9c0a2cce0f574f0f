public import ServiceContextModule
import Synchronization

/// Work that is under way, and its place in a trace.
///
/// It is recorded when it ends, if its trace is sampled. If it is not, it is recorded all the same when it fails, and so
/// are those that it is part of in this process, as far as they have not ended; what else belongs to the trace, here and
/// elsewhere, is not known by then.
public final class Span: Sendable {
  public let context: TraceContext
  let parentID: UInt64?
  private let isParentRemote: Bool
  private let kind: SpanKind
  private let tracer: Tracer
  private let parent: Span?
  private let start: UInt64
  private let startTick: UInt64

  private struct State {
    var name: String
    var attributes = SpanAttributes()
    var isError = false
    /// Part of it has failed.
    var isKept = false
    var hasEnded = false
  }
  private let state: Mutex<State>

  init(
    _ tracer: Tracer, name: String, kind: SpanKind, context: TraceContext, parentID: UInt64?, isParentRemote: Bool,
    parent: Span?
  ) {
    self.tracer = tracer
    self.context = context
    self.parentID = parentID
    self.isParentRemote = isParentRemote
    self.kind = kind
    self.parent = parent
    state = Mutex(State(name: name))
    (start, startTick) = tracer.isEnabled ? (tracer.clock.wall(), tracer.clock.monotonic()) : (0, 0)
  }

  /// Whether it will be recorded when it succeeds, too. What costs something to find out is worth it only then.
  public var isSampled: Bool { context.isSampled && tracer.isEnabled }

  /// Begins a part of this.
  public func child(_ name: String, kind: SpanKind = .internal) -> Span {
    Span(
      tracer, name: name, kind: kind, context: context.child(), parentID: context.spanID, isParentRemote: false,
      parent: self)
  }

  /// What is done, once that is known: a route rather than a path.
  public func rename(_ name: String) {
    guard tracer.isEnabled else { return }
    state.withLock { $0.name = name }
  }

  public func set(_ key: String, _ value: SpanValue) {
    guard tracer.isEnabled else { return }
    state.withLock { $0.attributes[key] = value }
  }

  /// It has failed. No text of the error is kept: that may tell of a person.
  /// - Parameter type: For `error.type`: a status, a code or a type's name, few and fixed.
  public func fail(_ type: String) {
    guard tracer.isEnabled else { return }
    let isNew = state.withLock { state in
      guard !state.hasEnded else { return false }
      state.isError = true
      state.attributes["error.type"] = .string(type)
      return true
    }
    guard isNew, !context.isSampled else { return }
    var span: Span? = self
    while let kept = span, kept.keep() { span = kept.parent }
  }

  public func fail(_ error: any Error) { fail("\(Swift.type(of: error))") }

  /// - Returns: false when its parents know already.
  private func keep() -> Bool {
    state.withLock { state in
      defer { state.isKept = true }
      return !state.isKept
    }
  }

  /// A moment for ``end(at:)``.
  public var now: UInt64 { start &+ (tracer.clock.monotonic() &- startTick) }

  /// Ends it; later calls do nothing.
  /// - Parameter moment: When it ended, if that was earlier.
  public func end(at moment: UInt64? = nil) {
    guard tracer.isEnabled else { return }
    let end = moment ?? now
    let ended: State? = state.withLock { state in
      guard !state.hasEnded else { return nil }
      state.hasEnded = true
      return state
    }
    guard let ended, context.isSampled || ended.isKept else { return }
    tracer.record(
      SpanRecord(
        context: context, parentID: parentID, isParentRemote: isParentRemote, name: ended.name, kind: kind,
        start: start, end: end, attributes: ended.attributes, isError: ended.isError, resource: tracer.resource))
  }

  /// Runs `body` as this span, and ends it: as failed when `body` throws.
  public func run<Value>(
    isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
  ) async throws -> Value {
    var context = ServiceContext.current ?? .topLevel
    context.span = self
    defer { end() }
    do {
      return try await ServiceContext.withValue(context, operation: body)
    } catch {
      fail(error)
      throw error
    }
  }
}

private enum SpanKey: ServiceContextKey { typealias Value = Span }
private enum TracerKey: ServiceContextKey { typealias Value = Tracer }

extension ServiceContext {
  /// What is under way here. Setting it sets ``trace``, too; a ``trace`` that was set afterwards has no span.
  public var span: Span? {
    get {
      guard let span = self[SpanKey.self], span.context == trace else { return nil }
      return span
    }
    set {
      self[SpanKey.self] = newValue
      if let newValue { trace = newValue.context }
    }
  }

  /// In whose name work begins here that nobody asked for: a service's, from where its parts are started.
  public var tracer: Tracer? {
    get { self[TracerKey.self] }
    set { self[TracerKey.self] = newValue }
  }
}
