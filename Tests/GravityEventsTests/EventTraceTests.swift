import Foundation
import GravityContracts
import GravityTelemetry
import Patience
import ServiceContextModule
import Synchronization
import Testbed
import Testing

@testable import GravityEvents

@Suite struct EventTraceTests {
  private static let trace = TraceContext(traceID: (1, 2), spanID: 3, isSampled: true)

  private static func context(_ spans: SpanBuffer) -> ServiceContext {
    var context = ServiceContext.topLevel
    context.tracer = Tracer(resource: SpanResource(service: "place"), buffer: spans)
    return context
  }

  private static func event(
    subject: String? = "s", traceparent: String?, data: String = "{}"
  ) -> CloudEvent {
    CloudEvent(
      id: UUID.v7(), source: "/a", type: "ping.sent.v1", subject: subject, time: Date(), sequence: 1,
      traceparent: traceparent, data: Array(data.utf8))
  }

  @Test("an event's trace is found without reading all of it, and never in its subject or its data")
  func found() {
    let (own, other) = (Self.trace.traceparent, TraceContext.root().traceparent)
    let forged = #","traceparent":"\#(other)""#
    #expect(CloudEvent.trace(of: Self.event(traceparent: own).json) == Self.trace)
    #expect(CloudEvent.trace(of: Self.event(subject: forged, traceparent: own).json) == Self.trace)
    #expect(CloudEvent.trace(of: Self.event(subject: forged, traceparent: nil).json) == nil)
    #expect(CloudEvent.trace(of: Self.event(traceparent: nil, data: "{\"a\":1\(forged)}").json) == nil)
    #expect(CloudEvent.trace(of: Self.event(subject: nil, traceparent: "short").json) == nil)
    #expect(CloudEvent.trace(of: []) == nil)
  }

  @Test(
    "each attempt that failed by the event's own fault is a span, and so is the one that succeeded",
    arguments: Engine.available)
  func attempts(engine: Engine) async throws {
    let spans = SpanBuffer()
    let context = Self.context(spans)
    try await engine.withPlace { place in
      let failures = Counted()
      try await ServiceContext.withValue(context) {
        let consumer = place.consumer(fails: { $0 == 7 && failures.next() <= 2 })
        try await place.running([consumer]) {
          try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
          // Alone: of several that fail together it would not be known whose fault it was.
          let event = Self.event(traceparent: Self.trace.traceparent, data: #"{"number":7}"#)
          _ = try await place.broker.publish([event.message])
          try await eventually("it is handled") { try await place.effects() == [7] }
          try await eventually("all are told") { spans.recent().count == 3 }
        }
      }
    }
    let told = spans.recent().reversed()
    #expect(told.allSatisfy { $0.name == "process ping.sent.v1" && $0.parentID == 3 && $0.kind == .consumer })
    #expect(told.map(\.isError) == [true, true, false])
    #expect(told.map { $0.attributes["gravity.event.attempt"] } == [nil, 2, 3])
    #expect(told.first?.attributes["error.type"] == "Broken")
  }

  @Test("what was published is told with its trace, and only what was", arguments: Engine.available)
  func published(engine: Engine) async throws {
    let spans = SpanBuffer()
    let context = Self.context(spans)
    try await engine.withPlace { place in
      var sampled = ServiceContext.topLevel
      sampled.trace = Self.trace
      try await ServiceContext.withValue(sampled) { try await place.record([1]) }
      sampled.trace?.isSampled = false
      try await ServiceContext.withValue(sampled) { try await place.record([2]) }
      try await place.record([3])
      let count = try await ServiceContext.withValue(context) { try await place.relay().publishBatch() }
      #expect(count == 3)
    }
    let told = try #require(spans.recent().first)
    #expect(spans.recent().count == 1 && told.name == "publish ping.sent.v1" && told.kind == .producer)
    #expect(told.parentID == 3 && told.context.traceID == Self.trace.traceID && told.context.spanID != 3)
  }
}

private final class Counted: Sendable {
  private let count = Atomic(0)
  func next() -> Int { count.add(1, ordering: .relaxed).newValue }
}
