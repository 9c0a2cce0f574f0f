import Foundation
import GravityContracts
import Testing

@Suite struct ProblemTests {
  private static let refused = Problem(
    402, "card_declined", "The card was declined", retryAfter: 3,
    extensions: [
      "decline_code": "insufficient_funds", "attempts": .integer(9_007_199_254_740_993), "note": .null,
      "shortages": .array([.object(["sku": "A-1", "available": .integer(0)])]),
    ])

  private static func json(_ problem: Problem) throws -> JSONObject {
    try WireFormat.makeDecoder().decode(JSONObject.self, from: try WireFormat.makeEncoder().encode(problem))
  }

  @Test("extensions stand beside the other members on the wire")
  func flattened() throws {
    let members = try Self.json(Self.refused).members
    #expect(
      Set(members.keys) == [
        "type", "title", "status", "code", "retry_after", "decline_code", "attempts", "note", "shortages",
      ])
    #expect(members["status"] == .integer(402))
    #expect(members["retry_after"] == .integer(3))
    #expect(members["decline_code"] == "insufficient_funds")
    #expect(members["shortages"] == .array([.object(["sku": "A-1", "available": .integer(0)])]))
  }

  @Test("what was written is read back, with numbers as they were and null as null")
  func roundTrip() throws {
    var problem = Self.refused
    problem.requestID = "r-1"
    problem.errors = [.init(field: "card", code: "declined", message: "was declined")]
    let read = try WireFormat.makeDecoder().decode(Problem.self, from: try WireFormat.makeEncoder().encode(problem))
    #expect(read == problem)
    #expect(read.extensions.count == 4)
  }

  @Test("an extension cannot stand for a member, whether that is there or not")
  func shadows() throws {
    let names = ["type", "title", "status", "code", "detail", "errors", "request_id", "retry_after"]
    let problem = Problem(
      404, "not_found", "Nothing is here",
      extensions: Dictionary(uniqueKeysWithValues: names.map { ($0, JSONValue.string("forged")) }))
    let members = try Self.json(problem).members
    #expect(
      members == [
        "type": "about:blank", "title": "Nothing is here", "status": .integer(404), "code": "not_found",
      ])
  }

  @Test("without extensions there is nothing of them on the wire, and members that are not known are kept")
  func absent() throws {
    let plain = Problem(404, "not_found", "Nothing is here")
    #expect(Set(try Self.json(plain).members.keys) == ["type", "title", "status", "code"])
    let text = #"{"type":"about:blank","title":"x","status":409,"code":"invalid_state","allowed":["capture"]}"#
    let read = try WireFormat.makeDecoder().decode(Problem.self, from: Data(text.utf8))
    #expect(read.extensions == ["allowed": .array(["capture"])])
    #expect(throws: DecodingError.self) {
      try WireFormat.makeDecoder().decode(Problem.self, from: Data(#"{"allowed":[]}"#.utf8))
    }
  }
}
