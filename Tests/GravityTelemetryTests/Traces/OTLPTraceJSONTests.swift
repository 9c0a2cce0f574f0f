import Foundation
import Testing

@testable import GravityTelemetry

@Suite struct OTLPTraceJSONTests {
  static let trace: (UInt64, UInt64) = (0x5B8E_FFF7_9803_8103, 0xD269_B633_813F_C60C)

  static func span(
    _ name: String, _ resource: SpanResource, id: UInt64 = 0xEEE1_9B7E_C3C1_B174, parent: UInt64? = nil,
    isSampled: Bool = true, isRemote: Bool = false, kind: SpanKind = .server, attributes: SpanAttributes = .init(),
    isError: Bool = false
  ) -> SpanRecord {
    SpanRecord(
      context: TraceContext(traceID: trace, spanID: id, isSampled: isSampled), parentID: parent,
      isParentRemote: isRemote, name: name, kind: kind, start: 1_544_712_660_000_000_000,
      end: 1_544_712_661_000_000_001, attributes: attributes, isError: isError, resource: resource)
  }

  @Test("spans are written as the protocol has them, letter by letter")
  func golden() {
    let shop = SpanResource(service: "shop", attributes: ["service.version": "1.2"])
    let auth = SpanResource(service: "auth")
    var attributes = SpanAttributes()
    attributes.append("http.route", "/a/{id}")
    attributes.append("http.response.status_code", 503)
    attributes.append("flag", true)
    attributes.append("share", .double(0.5))
    let json = OTLPTraceJSON.encode([
      Self.span(
        "GET /a/{id}", shop, parent: 0xEEE1_9B7E_C3C1_B173, isRemote: true, attributes: attributes, isError: true),
      Self.span("write \"db\"\n", auth, id: 0x1F, isSampled: false, kind: .client),
      Self.span("again", shop, id: 0x20, kind: .internal),
    ])
    let url = "https://opentelemetry.io/schemas/1.37.0"
    let times = #""startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000001""#
    let id = #""traceId":"5b8efff798038103d269b633813fc60c""#
    #expect(
      String(decoding: json, as: UTF8.self)
        == #"{"resourceSpans":[{"resource":{"attributes":["#
        + #"{"key":"service.name","value":{"stringValue":"shop"}},"#
        + #"{"key":"service.version","value":{"stringValue":"1.2"}}]},"#
        + #""scopeSpans":[{"scope":{"name":"gravity"},"spans":["#
        + #"{\#(id),"spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173","flags":769,"#
        + #""name":"GET /a/{id}","kind":2,\#(times),"attributes":["#
        + #"{"key":"http.route","value":{"stringValue":"/a/{id}"}},"#
        + #"{"key":"http.response.status_code","value":{"intValue":"503"}},"#
        + #"{"key":"flag","value":{"boolValue":true}},{"key":"share","value":{"doubleValue":0.5}}],"#
        + #""status":{"code":2}},"#
        + #"{\#(id),"spanId":"0000000000000020","flags":257,"name":"again","kind":1,\#(times)}"#
        + #"],"schemaUrl":"\#(url)"}],"schemaUrl":"\#(url)"},"#
        + #"{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"auth"}}]},"#
        + #""scopeSpans":[{"scope":{"name":"gravity"},"spans":["#
        + #"{\#(id),"spanId":"000000000000001f","flags":256,"name":"write \"db\"\u000a","kind":3,\#(times)}"#
        + #"],"schemaUrl":"\#(url)"}],"schemaUrl":"\#(url)"}]}"#)
  }

  @Test("whatever a name or a value is, a strict reader takes it and reads the same")
  func strict() throws {
    let texts = ["", "a\u{0}\u{1F}b", "\\\"", "é漢🇩🇪\u{2028}", String(repeating: "ß", count: 1_000), "\u{FFFF}"]
    let resource = SpanResource(service: "sh\"op", attributes: ["x": "\t"])
    for text in texts {
      var attributes = SpanAttributes()
      attributes.append("text", .string(text))
      attributes.append("least", .int(.min))
      attributes.append("nan", .double(.nan))
      attributes.append("great", .double(1e300))
      let spans = try StrictOTLP.spans(OTLPTraceJSON.encode([Self.span(text, resource, attributes: attributes)]))
      let read = try StrictOTLP.attributes(spans[0].span)
      #expect(spans[0].service == "sh\"op")
      #expect(read["text"] as? String == SpanAttributes.clipped(text, to: 256))
      #expect(read["least"] as? String == "-9223372036854775808" && read["nan"] as? String == "NaN")
      #expect(read["great"] as? Double == 1e300)
    }
  }

  @Test("the strict reader is strict")
  func refuses() throws {
    let good = String(
      decoding: OTLPTraceJSON.encode([Self.span("a", SpanResource(service: "s"), isError: true)]), as: UTF8.self)
    #expect(try StrictOTLP.spans(Array(good.utf8)).count == 1)
    for (from, to) in [
      ("traceId", "trace_id"), (#""kind":2"#, #""kind":"SPAN_KIND_SERVER""#), ("5b8efff7", "5b8efff"),
      (#""code":2"#, #""code":"ERROR""#), ("service.name", "service"),
      (#""1544712660000000000""#, "1544712660000000000"),
    ] {
      let bad = good.replacingOccurrences(of: from, with: to)
      #expect(bad != good)
      #expect(throws: StrictOTLP.Refusal.self) { try StrictOTLP.spans(Array(bad.utf8)) }
    }
  }

  @Test(
    "a span has a greatest size: names and values are cut between characters, and attributes that find no room counted")
  func bounds() throws {
    var attributes = SpanAttributes()
    for index in 0..<40 { attributes.append("key\(index)", .string(String(repeating: "é", count: 200))) }
    let record = Self.span(
      String(repeating: "x", count: 199) + "é", SpanResource(service: "s"), attributes: attributes)
    #expect(record.name == String(repeating: "x", count: 199))
    let span = try StrictOTLP.spans(OTLPTraceJSON.encode([record]))[0].span
    #expect(span["droppedAttributesCount"] as? Int == 8)
    let read = try StrictOTLP.attributes(span)
    #expect(read.count == 32 && read["key31"] as? String == String(repeating: "é", count: 128))
  }
}
