import GravityTelemetry
import Testing

@Suite struct TraceContextTests {
  @Test("a traceparent is read and written unchanged")
  func roundTrip() throws {
    let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    let context = try #require(TraceContext(traceparent: text))
    #expect(context.traceparent == text)
    #expect(context.isSampled)
    let child = context.child()
    #expect(child.traceIDText == context.traceIDText)
    #expect(child.spanIDText != context.spanIDText)
  }

  @Test("a later version is read as far as version 00 goes")
  func laterVersion() {
    #expect(TraceContext(traceparent: "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra") != nil)
  }

  @Test(
    "what the recommendation forbids is refused",
    arguments: [
      "", "00", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
      "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-011",
      "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ])
  func refused(text: String) { #expect(TraceContext(traceparent: text) == nil) }
}
