import Foundation
import Testing

/// Reads an `ExportTraceServiceRequest` as strictly as a receiver may: only fields that there are, of their types, ids
/// that are some.
enum StrictOTLP {
  struct Refusal: Error, CustomStringConvertible { var description: String }
  typealias Object = [String: Any]

  /// - Returns: the spans, each with its `service.name`.
  static func spans(_ bytes: [UInt8]) throws -> [(service: String, span: Object)] {
    let top = try object(try JSONSerialization.jsonObject(with: Data(bytes)), ["resourceSpans"])
    return try objects(top["resourceSpans"]).flatMap { group in
      try fields(group, ["resource", "scopeSpans", "schemaUrl"])
      let resource = try attributes(try object(group["resource"], ["attributes", "droppedAttributesCount"]))
      guard let service = resource["service.name"] as? String else { throw Refusal(description: "no service.name") }
      return try objects(group["scopeSpans"]).flatMap { scope in
        try fields(scope, ["scope", "spans", "schemaUrl"])
        _ = try object(scope["scope"], ["name", "version"])
        return try objects(scope["spans"]).map { (service, try checked($0)) }
      }
    }
  }

  private static func checked(_ span: Object) throws -> Object {
    try fields(
      span,
      [
        "traceId", "spanId", "parentSpanId", "traceState", "flags", "name", "kind", "startTimeUnixNano",
        "endTimeUnixNano", "attributes", "droppedAttributesCount", "events", "links", "status",
      ])
    try id(span["traceId"], 32)
    try id(span["spanId"], 16)
    if let parent = span["parentSpanId"] { try id(parent, 16) }
    guard let name = span["name"] as? String, !name.isEmpty else { throw Refusal(description: "no name") }
    guard let kind = span["kind"] as? Int, (1...5).contains(kind) else { throw Refusal(description: "kind") }
    guard let start = (span["startTimeUnixNano"] as? String).flatMap(UInt64.init),
      let end = (span["endTimeUnixNano"] as? String).flatMap(UInt64.init), start > 0, end >= start
    else { throw Refusal(description: "times") }
    if let status = span["status"] {
      let code = try object(status, ["code", "message"])["code"] as? Int
      guard let code, (0...2).contains(code) else { throw Refusal(description: "status") }
    }
    _ = try attributes(span)
    return span
  }

  static func attributes(_ holder: Object) throws -> Object {
    try objects(holder["attributes"] ?? []).reduce(into: [:]) { known, pair in
      try fields(pair, ["key", "value"])
      guard let key = pair["key"] as? String, known[key] == nil else { throw Refusal(description: "key") }
      let value = try object(pair["value"], ["stringValue", "intValue", "doubleValue", "boolValue"])
      guard value.count == 1, let (kind, content) = value.first else { throw Refusal(description: "value of \(key)") }
      // An integer of 64 bits is a string.
      if kind == "intValue", (content as? String).flatMap(Int64.init) == nil { throw Refusal(description: key) }
      known[key] = content
    }
  }

  private static func id(_ value: Any?, _ digits: Int) throws {
    guard let text = value as? String, text.count == digits, text.contains(where: { $0 != "0" }),
      text.allSatisfy({ "0123456789abcdef".contains($0) })
    else { throw Refusal(description: "id \(value ?? "none")") }
  }

  private static func object(_ value: Any?, _ known: Set<String>) throws -> Object {
    guard let object = value as? Object else { throw Refusal(description: "no object") }
    try fields(object, known)
    return object
  }

  private static func objects(_ value: Any?) throws -> [Object] {
    guard let list = value as? [Object] else { throw Refusal(description: "no list") }
    return list
  }

  private static func fields(_ object: Object, _ known: Set<String>) throws {
    for key in object.keys where !known.contains(key) { throw Refusal(description: "unknown field \(key)") }
  }
}
