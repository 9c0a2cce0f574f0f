import Foundation
import GravityContracts

extension CloudEvent {
  /// Longer texts in these fields are refused.
  static let greatestField = 200

  /// CloudEvents' JSON format (structured mode).
  public var json: [UInt8] {
    var json = jsonHead
    if sequence > 0 {
      json.append(contentsOf: Self.sequenceMember)
      json.append(contentsOf: String(sequence).utf8)
      json.append(UInt8(ascii: "\""))
    }
    json.append(contentsOf: jsonTail)
    return json
  }

  /// The JSON around a sequence that is not known yet: its digits go between the two.
  var jsonAroundSequence: (head: [UInt8], tail: [UInt8]) {
    (jsonHead + Self.sequenceMember, [UInt8(ascii: "\"")] + jsonTail)
  }

  /// A string, as the Sequence extension has it.
  private static let sequenceMember = Array(#","sequence":""#.utf8)

  private var jsonHead: [UInt8] {
    var json: [UInt8] = []
    json.reserveCapacity(data.count + 400)
    json.append(contentsOf: #"{"specversion":"1.0","id":""#.utf8)
    json.append(contentsOf: id.lowercased.utf8)
    json.append(contentsOf: #"","source":"#.utf8)
    Self.append(source, to: &json)
    json.append(contentsOf: #","type":"#.utf8)
    Self.append(type, to: &json)
    if let subject {
      json.append(contentsOf: #","subject":"#.utf8)
      Self.append(subject, to: &json)
    }
    return json
  }

  private var jsonTail: [UInt8] {
    var json: [UInt8] = []
    json.reserveCapacity(data.count + 250)
    json.append(contentsOf: #","time":""#.utf8)
    json.append(contentsOf: WireTime.string(time).utf8)
    json.append(contentsOf: #"","datacontenttype":"application/json","dataschema":"#.utf8)
    Self.append("/schemas/\(type)", to: &json)
    if let traceparent {
      json.append(contentsOf: #","traceparent":"#.utf8)
      Self.append(traceparent, to: &json)
    }
    json.append(contentsOf: #","data":"#.utf8)
    json.append(contentsOf: data)
    json.append(UInt8(ascii: "}"))
    return json
  }

  /// - Throws: ``MalformedEvent`` that says what is wrong.
  public init(json: [UInt8]) throws(MalformedEvent) {
    guard json.count <= EventMessage.greatestBody else {
      throw MalformedEvent("\(json.count) bytes are more than \(EventMessage.greatestBody)")
    }
    guard let members = JSONMembers(json) else { throw MalformedEvent("no JSON object") }
    func text(_ name: String) throws(MalformedEvent) -> String? {
      guard let value = members.string(name) else {
        if members[name] == nil { return nil }
        throw MalformedEvent("\(name) is no string")
      }
      guard value.utf8.count <= Self.greatestField else {
        throw MalformedEvent("\(name) has more than \(Self.greatestField) bytes")
      }
      // No database takes NUL, and no terminal should be given the others.
      guard !value.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
        throw MalformedEvent("\(name) has a control character")
      }
      return value
    }
    func required(_ name: String) throws(MalformedEvent) -> String {
      guard let value = try text(name), !value.isEmpty else { throw MalformedEvent("\(name) is missing") }
      return value
    }
    guard try required("specversion") == "1.0" else { throw MalformedEvent("specversion is not 1.0") }
    guard let id = UUID(uuidString: try required("id")) else { throw MalformedEvent("id is no UUID") }
    guard let time = WireTime.date(try required("time")) else { throw MalformedEvent("time is no RFC 3339 time") }
    let subject = try text("subject")
    var sequence = Int64(0)
    if let number = try text("sequence") {
      guard let value = Int64(number), value > 0 else { throw MalformedEvent("sequence is no positive number") }
      sequence = value
    }
    guard let data = members["data"] else { throw MalformedEvent("data is missing") }
    self.init(
      id: id, source: try required("source"), type: try required("type"), subject: subject, time: time,
      sequence: sequence, traceparent: try text("traceparent"), data: Array(data))
  }

  /// The message in which a broker carries it.
  public var message: EventMessage { EventMessage(id: id, type: type, body: json) }

  private static func append(_ text: String, to json: inout [UInt8]) {
    json.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        json.append(UInt8(ascii: "\\"))
        json.append(byte)
      case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        json.append(contentsOf: #"\u00"#.utf8)
        json.append(digits[Int(byte >> 4)])
        json.append(digits[Int(byte & 15)])
      default: json.append(byte)
      }
    }
    json.append(UInt8(ascii: "\""))
  }
}

/// Why bytes are no event.
public struct MalformedEvent: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
