/// Spans as an `ExportTraceServiceRequest` of the OpenTelemetry protocol 1.x in its JSON encoding: ids in hexadecimal,
/// enums as integers, names in lowerCamelCase, 64-bit integers as strings.
struct OTLPTraceJSON {
  static let schema = "https://opentelemetry.io/schemas/1.37.0"
  private(set) var bytes: [UInt8] = []

  static func encode(_ spans: [SpanRecord]) -> [UInt8] {
    var json = OTLPTraceJSON()
    json.bytes.reserveCapacity(spans.count * 700 + 1_024)
    json.write(spans)
    return json.bytes
  }

  private mutating func write(_ spans: [SpanRecord]) {
    // In the order in which services come up.
    var groups: [(resource: SpanResource, spans: [SpanRecord])] = []
    var places: [ObjectIdentifier: Int] = [:]
    for span in spans {
      let id = ObjectIdentifier(span.resource)
      if let place = places[id] {
        groups[place].spans.append(span)
      } else {
        places[id] = groups.count
        groups.append((span.resource, [span]))
      }
    }
    write(#"{"resourceSpans":["#)
    list(groups) { json, group in
      json.write(#"{"resource":{"attributes":["#)
      json.list(group.resource.attributes) { $0.attribute($1.key, .string($1.value)) }
      json.write(#"]},"scopeSpans":[{"scope":{"name":"gravity"},"spans":["#)
      json.list(group.spans) { $0.write($1) }
      json.write(#"],"schemaUrl":""# + Self.schema + #""}],"schemaUrl":""# + Self.schema + #""}"#)
    }
    write("]}")
  }

  private mutating func write(_ span: SpanRecord) {
    write(#"{"traceId":""#)
    hex(span.context.traceID.0)
    hex(span.context.traceID.1)
    write(#"","spanId":""#)
    hex(span.context.spanID)
    if let parent = span.parentID {
      write(#"","parentSpanId":""#)
      hex(parent)
    }
    // W3C's flags, then whether it is known where the parent is (0x100), and whether that is elsewhere (0x200).
    let flags = (span.context.isSampled ? 1 : 0) | 0x100 | (span.isParentRemote ? 0x200 : 0)
    write(#"","flags":\#(flags),"name":"#)
    string(span.name.isEmpty ? "unnamed" : span.name)
    write(#","kind":\#(span.kind.rawValue),"startTimeUnixNano":"\#(span.start)","endTimeUnixNano":"\#(span.end)""#)
    if !span.attributes.pairs.isEmpty {
      write(#","attributes":["#)
      list(span.attributes.pairs) { $0.attribute($1.key, $1.value) }
      write("]")
    }
    if span.attributes.dropped > 0 { write(#","droppedAttributesCount":\#(span.attributes.dropped)"#) }
    write(span.isError ? #","status":{"code":2}}"# : "}")
  }

  private mutating func attribute(_ key: String, _ value: SpanValue) {
    write(#"{"key":"#)
    string(key)
    switch value {
    case .string(let text):
      write(#","value":{"stringValue":"#)
      string(text)
      write("}}")
    case .int(let integer): write(#","value":{"intValue":"\#(integer)"}}"#)
    case .bool(let flag): write(#","value":{"boolValue":\#(flag)}}"#)
    case .double(let double):
      // JSON has no number for these; protobuf's mapping has names.
      let text =
        double.isFinite ? "\(double)" : double.isNaN ? #""NaN""# : double > 0 ? #""Infinity""# : #""-Infinity""#
      write(#","value":{"doubleValue":\#(text)}}"#)
    }
  }

  private mutating func list<Element>(_ elements: [Element], _ write: (inout Self, Element) -> Void) {
    for (index, element) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      write(&self, element)
    }
  }

  private mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func hex(_ value: UInt64) {
    for shift in stride(from: 60, through: 0, by: -4) {
      let digit = UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 0xF
      bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  private mutating func string(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0..<0x20:
        write(#"\u00"#)
        bytes.append(0x30 + (byte >> 4))
        bytes.append(byte & 0xF < 10 ? 0x30 + (byte & 0xF) : 0x57 + (byte & 0xF))
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
