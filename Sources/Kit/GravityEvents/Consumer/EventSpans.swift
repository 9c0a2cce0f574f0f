import Foundation
import GravityTelemetry
import ServiceContextModule
import Synchronization

/// The spans of events that one transaction handles. They are recorded only when it is known what became of them: a
/// transaction may run again, and then only its last run has happened.
final class EventSpans: Sendable {
  private struct Handled {
    var span: Span
    var end: UInt64?
  }
  private let tracer: Tracer
  private let consumer: String
  /// Which attempt this is; 1 is the first.
  private let attempt: Int
  private let state = Mutex<[UUID: Handled]>([:])

  init(consumer: String, attempt: Int = 1) {
    tracer = ServiceContext.current?.tracer ?? .disabled
    self.consumer = consumer
    self.attempt = attempt
  }

  /// The transaction begins, perhaps anew.
  func begin() { state.withLock { $0.removeAll() } }

  /// Runs `body` as a part of the event's trace, where it has one.
  func handle(_ event: CloudEvent, _ body: () throws -> Void) throws {
    guard let parent = event.traceparent.flatMap({ TraceContext(traceparent: $0) }) else { return try body() }
    let span = tracer.span("process \(event.type)", kind: .consumer, parent: parent)
    if tracer.isEnabled { state.withLock { $0[event.id] = Handled(span: span) } }
    span.describe(event)
    var context = ServiceContext.topLevel
    context.tracer = tracer
    context.span = span
    try ServiceContext.withValue(context) { try body() }
    if tracer.isEnabled { state.withLock { $0[event.id]?.end = span.now } }
  }

  /// The transaction is committed.
  func committed() {
    for handled in state.withLock({ $0.values }) { end(handled) }
  }

  /// The transaction is not, and it was the event's own fault.
  func failed(_ error: any Error) {
    for handled in state.withLock({ $0.values }) {
      handled.span.fail(error)
      end(handled)
    }
  }

  private func end(_ handled: Handled) {
    handled.span.set("messaging.consumer.group.name", .string(consumer))
    if attempt > 1 { handled.span.set("gravity.event.attempt", .int(attempt)) }
    handled.span.end(at: handled.end)
  }
}

extension Span {
  fileprivate func describe(_ event: CloudEvent) {
    set("messaging.system", "gravity")
    set("messaging.operation.type", "process")
    set("messaging.operation.name", "process")
    set("messaging.destination.name", .string(event.type))
    set("messaging.message.id", .string(event.id.uuidString.lowercased()))
    set("cloudevents.event_source", .string(event.source))
  }
}
