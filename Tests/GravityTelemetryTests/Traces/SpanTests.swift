import GravityTelemetry
import ServiceContextModule
import Synchronization
import Testing

/// A clock that stands still until it is told to go on.
final class HeldClock: Sendable {
  private let nanoseconds = Atomic<UInt64>(0)
  private let set = Atomic<Int64>(0)
  func advance(by duration: UInt64) { nanoseconds.add(duration, ordering: .relaxed) }
  /// Somebody sets the wall clock.
  func setWall(by offset: Int64) { set.add(offset, ordering: .relaxed) }
  var clock: TraceClock {
    TraceClock(
      wall: { [self] in
        UInt64(1_700_000_000_000_000_000 + Int64(nanoseconds.load(ordering: .relaxed)) + set.load(ordering: .relaxed))
      }, monotonic: { [self] in nanoseconds.load(ordering: .relaxed) })
  }
}

@Suite struct SpanTests {
  private let time = HeldClock()
  private let buffer = SpanBuffer()
  private func tracer(_ sampler: Sampler = .parentBased(.alwaysOn)) -> Tracer {
    Tracer(resource: SpanResource(service: "test"), sampler: sampler, buffer: buffer, clock: time.clock)
  }
  private var names: [String] { buffer.recent().map(\.name) }
  private let remote = TraceContext(traceID: (1, 2), spanID: 3, isSampled: true)
  private let unsampled = TraceContext(traceID: (1, 2), spanID: 3, isSampled: false)

  @Test("a span knows its trace, its parent and how long it took, whoever sets the clock meanwhile")
  func measures() throws {
    let span = tracer().span("GET", kind: .server, parent: remote)
    let child = span.child("write", kind: .client)
    time.setWall(by: -3_600_000_000_000)
    time.advance(by: 1_500)
    child.end()
    span.rename("GET /a")
    span.set("a", 1)
    span.set("a", 2)
    time.advance(by: 500)
    span.end()
    span.end()
    let (server, client) = (buffer.recent()[0], buffer.recent()[1])
    #expect(buffer.recent().count == 2)
    #expect(server.name == "GET /a" && server.end - server.start == 2_000 && server.attributes["a"] == 2)
    #expect(server.parentID == 3 && server.isParentRemote && server.context.traceID == (1, 2))
    #expect(client.end - client.start == 1_500 && client.parentID == server.context.spanID && !client.isParentRemote)
    #expect(!server.isError && server.resource.service == "test" && client.kind == .client)
  }

  @Test("a root has no parent, ids that are some, and is kept as the sampler says")
  func roots() throws {
    tracer().span("a", kind: .internal).end()
    tracer(.parentBased(.alwaysOff)).span("b", kind: .internal).end()
    tracer(.alwaysOff).span("c", kind: .server, parent: remote).end()
    tracer(.alwaysOn).span("d", kind: .server, parent: unsampled).end()
    #expect(names == ["d", "a"])
    let root = try #require(buffer.recent().last)
    #expect(root.parentID == nil && root.context.spanID != 0 && root.context.isSampled)
    #expect(buffer.recent()[0].context.isSampled)
  }

  @Test("of a trace that is not sampled the span that failed is kept, and what it was part of here, and nothing else")
  func keepsErrors() {
    let tracer = tracer()
    let server = tracer.span("server", kind: .server, parent: unsampled)
    let step = server.child("step")
    let good = step.child("good")
    good.end()
    let bad = step.child("bad", kind: .client)
    bad.fail("503")
    bad.end()
    step.end()
    let after = server.child("after")
    after.end()
    server.end()
    #expect(names == ["server", "step", "bad"])
    #expect(buffer.recent().map(\.isError) == [false, false, true])
    #expect(buffer.recent()[2].attributes["error.type"] == "503")
    // As it was decided: those after us must not think otherwise.
    #expect(buffer.recent().allSatisfy { !$0.context.isSampled })
  }

  @Test("a span that has ended is not changed by a part that fails later")
  func late() {
    let server = tracer().span("server", kind: .server, parent: unsampled)
    let child = server.child("child")
    server.end()
    server.fail("late")
    child.fail("500")
    child.end()
    #expect(names == ["child"])
  }

  @Test("what runs as a span finds it, throws as it does without, and is told to have failed by its error's type only")
  func runs() async throws {
    struct SecretError: Error { var text = "jane@example.org" }
    let span = tracer().span("work", kind: .internal)
    await #expect(throws: SecretError.self) {
      try await span.run {
        let here = try #require(ServiceContext.current?.span)
        #expect(here === span && ServiceContext.current?.trace == span.context)
        let part = here.child("part")
        #expect(try await part.run { 42 } == 42)
        throw SecretError()
      }
    }
    #expect(names == ["work", "part"])
    #expect(buffer.recent()[0].isError && buffer.recent()[0].attributes["error.type"] == "SecretError")
    #expect(buffer.recent()[1].parentID == span.context.spanID && !buffer.recent()[1].isError)
  }

  @Test("a trace that was set after a span hides it")
  func stale() {
    var context = ServiceContext.topLevel
    context.span = tracer().span("a", kind: .internal)
    #expect(context.span != nil)
    context.trace = context.trace?.child()
    #expect(context.span == nil)
  }

  @Test("a tracer that is disabled hands contexts on as they came, and records nothing")
  func disabled() {
    let span = Tracer.disabled.span("a", kind: .server, parent: unsampled)
    span.fail("x")
    span.set("a", 1)
    span.end()
    #expect(span.context.traceID == (1, 2) && span.context.spanID != 3 && !span.context.isSampled)
    #expect(!span.isSampled && Tracer.disabled.span("b", kind: .internal).context.isSampled)
  }

  @Test("the last spans are looked at, the newest first, and never more than there are places")
  func ring() {
    let buffer = SpanBuffer(capacity: 5)
    let tracer = Tracer(resource: SpanResource(service: "test"), buffer: buffer)
    #expect(buffer.recent().isEmpty)
    for index in 0..<13 { tracer.span("\(index)", kind: .internal).end() }
    #expect(buffer.recent().map(\.name) == ["12", "11", "10", "9", "8"])
    #expect(buffer.recent(2).map(\.name) == ["12", "11"])
    #expect(buffer.recent(-1).isEmpty)
  }
}
