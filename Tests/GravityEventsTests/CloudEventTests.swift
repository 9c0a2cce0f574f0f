import Foundation
import GravityContracts
import GravityEvents
import Testing

@Suite("CloudEvent")
struct CloudEventTests {
  private static let event = CloudEvent(
    id: UUID(uuidString: "0190B1E0-0000-7000-8000-000000000001")!, source: "/auth", type: "user.registered.v1",
    subject: "a \"quoted\" \\ subject é", time: WireTime.date("2026-01-31T09:30:00.123456Z")!, sequence: 7,
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    data: Array(#"{"account_id":"x","n":12345678901234567890.5}"#.utf8))

  @Test("comes back from its JSON as it was, its data byte for byte")
  func roundTrip() throws {
    #expect(try CloudEvent(json: Self.event.json) == Self.event)
    var bare = Self.event
    (bare.subject, bare.sequence, bare.traceparent) = (nil, 0, nil)
    #expect(try CloudEvent(json: bare.json) == bare)
  }

  @Test("its JSON is what CloudEvents 1.0 asks for")
  func format() throws {
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(Self.event.json)) as? [String: Any])
    #expect(object["specversion"] as? String == "1.0")
    #expect(object["id"] as? String == "0190b1e0-0000-7000-8000-000000000001")
    #expect(object["datacontenttype"] as? String == "application/json")
    #expect(object["dataschema"] as? String == "/schemas/user.registered.v1")
    #expect(object["sequence"] as? String == "7")
    #expect(object["time"] as? String == "2026-01-31T09:30:00.123456Z")
  }

  @Test("reads what other producers write: any order, spaces, attributes that it does not know")
  func foreign() throws {
    let json = """
      { "data" : [1, {"a": "}"}] , "time":"2026-01-31T10:30:00+01:00", "extra": {"x": [null]}, "type":"a.b.v1",
        "source":"https:\\/\\/other.example\\/x", "specversion":"1.0", "id":"0190b1e0-0000-7000-8000-000000000001" }
      """
    let event = try CloudEvent(json: Array(json.utf8))
    #expect(event.source == "https://other.example/x")
    #expect(event.data == Array(#"[1, {"a": "}"}]"#.utf8))
    #expect(event.time == WireTime.date("2026-01-31T09:30:00Z"))
    #expect(event.subject == nil)
  }

  @Test(
    "says what is wrong with what is no event",
    arguments: [
      ("", "no JSON object"), ("[]", "no JSON object"), ("{\"a\":1,}", "no JSON object"),
      ("{\"a\":1,\"a\":2}", "no JSON object"), ("{\"a\":1} x", "no JSON object"),
      ("{}", "specversion is missing"), (#"{"specversion":1}"#, "specversion is no string"),
      (#"{"specversion":"0.3"}"#, "specversion is not 1.0"), (#"{"specversion":"1.0","id":"a"}"#, "id is no UUID"),
      (#"{"specversion":"1.0\u0000"}"#, "specversion has a control character"),
    ])
  func malformed(_ json: String, _ message: String) {
    #expect(throws: MalformedEvent(message)) { try CloudEvent(json: Array(json.utf8)) }
  }

  @Test("neither random bytes nor an event with bytes changed make it trap, and what it reads it can write")
  func fuzz() throws {
    var random = SeededGenerator(seed: 5)
    let seed = Self.event.json
    for round in 0..<20_000 {
      var bytes = seed
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch round % 3 {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: index)
        default: bytes.insert(Array(#"{}[]",:\0"#.utf8).randomElement(using: &random)!, at: index)
        }
      }
      if round % 10 == 0 { bytes = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &random))) }
      guard let event = try? CloudEvent(json: bytes) else { continue }
      #expect(try CloudEvent(json: event.json).id == event.id)
    }
  }
}
