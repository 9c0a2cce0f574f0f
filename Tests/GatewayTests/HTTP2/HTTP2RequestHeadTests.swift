import NIOCore
import Testing

@testable import Gateway

/// Fields that make no request, and why.
struct MalformedRequest: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var fields: [(String, String)]
  var fault: HeadFault
  var endsStream = true

  init(_ name: String, _ fault: HeadFault, _ fields: [(String, String)], endsStream: Bool = true) {
    testDescription = name
    self.fault = fault
    self.fields = fields
    self.endsStream = endsStream
  }

  private static let get = RawFrame.request("GET", "/items")
  private static func with(_ name: String, _ value: String) -> [(String, String)] { get + [(name, value)] }
  private static func without(_ name: String) -> [(String, String)] { get.filter { $0.0 != name } }
  private static func changed(_ name: String, _ value: String) -> [(String, String)] {
    get.map { $0.0 == name ? (name, value) : $0 }
  }

  static let all =
    [
      MalformedRequest("no :method", .malformedPseudoField, without(":method")),
      MalformedRequest("no :path", .malformedPseudoField, without(":path")),
      MalformedRequest("no :scheme", .malformedPseudoField, without(":scheme")),
      MalformedRequest("nothing at all", .malformedPseudoField, []),
      MalformedRequest("no :authority and no host", .missingHost, without(":authority")),
      MalformedRequest("two :path", .malformedPseudoField, [(":path", "/a")] + get),
      MalformedRequest("two :method", .malformedPseudoField, [(":method", "GET")] + get),
      MalformedRequest("two :authority", .malformedPseudoField, [(":authority", "test")] + get),
      MalformedRequest("a pseudo-field after a field", .malformedPseudoField, [("a", "b")] + get),
      MalformedRequest(
        "a pseudo-field after others", .malformedPseudoField, without(":path") + [("a", "b"), (":path", "/items")]),
      MalformedRequest("an unknown pseudo-field", .malformedPseudoField, [(":what", "1")] + get),
      MalformedRequest("a pseudo-field of answers", .malformedPseudoField, [(":status", "200")] + get),
      MalformedRequest("RFC 8441's :protocol", .malformedPseudoField, [(":protocol", "websocket")] + get),
      MalformedRequest("a scheme of files", .malformedPseudoField, changed(":scheme", "file")),
      MalformedRequest("CONNECT", .unknownMethod, [(":method", "CONNECT"), (":authority", "test:443")]),
      MalformedRequest("a method with a space", .malformedRequestLine, changed(":method", "GET /x")),
      MalformedRequest("an empty method", .malformedRequestLine, changed(":method", "")),
      MalformedRequest("an empty path", .malformedTarget, changed(":path", "")),
      MalformedRequest("a path without a slash", .malformedTarget, changed(":path", "items")),
      MalformedRequest("an absolute path", .malformedTarget, changed(":path", "http://other/items")),
      MalformedRequest("an asterisk", .malformedTarget, changed(":path", "*")),
      MalformedRequest("a path with a space", .malformedTarget, changed(":path", "/items HTTP/1.1")),
      MalformedRequest(
        "a path with lines", .malformedTarget, changed(":path", "/items HTTP/1.1\r\nx: y\r\n\r\nGET /b")),
      MalformedRequest("a path with a NUL", .malformedTarget, changed(":path", "/items\0")),
      MalformedRequest("an authority with a line", .malformedHost, changed(":authority", "test\r\nx: y")),
      MalformedRequest("an authority with a user", .malformedHost, changed(":authority", "a@test")),
      MalformedRequest("an empty authority", .malformedHost, changed(":authority", "")),
      MalformedRequest("another host", .authorityMismatch, with("host", "other")),
      MalformedRequest("two hosts", .duplicateHost, get + [("host", "test"), ("host", "test")]),
      MalformedRequest("upper case in a name", .malformedHeader, with("X-A", "1")),
      MalformedRequest("a space in a name", .malformedHeader, with("x a", "1")),
      MalformedRequest("a colon in a name", .malformedHeader, with("x:a", "1")),
      MalformedRequest("a line in a name", .malformedHeader, with("x\r\ny", "1")),
      MalformedRequest("an empty name", .malformedHeader, with("", "1")),
      MalformedRequest("CR LF in a value", .malformedHeader, with("x-a", "1\r\ncontent-length: 5")),
      MalformedRequest("LF in a value", .malformedHeader, with("x-a", "1\n2")),
      MalformedRequest("CR in a value", .malformedHeader, with("x-a", "1\r2")),
      MalformedRequest("NUL in a value", .malformedHeader, with("x-a", "1\0")),
      MalformedRequest("white space before a value", .malformedHeader, with("x-a", " 1")),
      MalformedRequest("white space after a value", .malformedHeader, with("x-a", "1\t")),
      MalformedRequest("CR LF in a cookie", .malformedHeader, with("cookie", "a=1\r\nx: y")),
      MalformedRequest("connection", .connectionField, with("connection", "close")),
      MalformedRequest("keep-alive", .connectionField, with("keep-alive", "1")),
      MalformedRequest("proxy-connection", .connectionField, with("proxy-connection", "close")),
      MalformedRequest("transfer-encoding", .connectionField, with("transfer-encoding", "chunked")),
      MalformedRequest("upgrade", .connectionField, with("upgrade", "websocket")),
      MalformedRequest("te other than trailers", .connectionField, with("te", "gzip")),
      MalformedRequest("a length without a body", .malformedContentLength, with("content-length", "5")),
      MalformedRequest(
        "a length that is none", .malformedContentLength, with("content-length", "+5"), endsStream: false),
      MalformedRequest(
        "two lengths", .duplicateContentLength, get + [("content-length", "5"), ("content-length", "5")],
        endsStream: false),
      MalformedRequest("a list too large", .headTooLarge, with("x-a", String(repeating: "a", count: 70_000))),
      MalformedRequest(
        "many empty fields", .headTooLarge, get + (0..<2_100).map { ("x\($0)", "") }),
      MalformedRequest("a long path", .targetTooLong, changed(":path", "/" + String(repeating: "a", count: 9_000))),
    ]
}

@Suite("Heads of HTTP/2") struct HTTP2RequestHeadTests {
  private func write(
    _ fields: [(String, String)], endsStream: Bool = true
  ) throws(HeadFault) -> (text: String, framing: BodyFraming) {
    var (head, output) = (HTTP2RequestHead(HeadLimits()), ByteBuffer())
    for (name, value) in fields {
      name.withBytes { name in value.withBytes { head.take(name, $0, into: &output) } }
    }
    let framing = try head.finish(endsStream: endsStream, into: &output)
    return (String(buffer: output), framing)
  }

  private func trailers(_ fields: [(String, String)]) -> HTTP2Trailers {
    var trailers = HTTP2Trailers()
    for (name, value) in fields { name.withBytes { name in value.withBytes { trailers.take(name, $0) } } }
    return trailers
  }

  @Test("what cannot be a line of HTTP/1.1, or could be two, is refused", arguments: MalformedRequest.all)
  func malformed(_ request: MalformedRequest) {
    #expect(throws: request.fault) { try write(request.fields, endsStream: request.endsStream) }
  }

  @Test("a request becomes one head")
  func plain() throws {
    let (text, framing) = try write(
      RawFrame.request("GET", "/items?a=1") + [("accept", "*/*"), ("te", "trailers"), ("empty", "")])
    #expect(
      text == "GET /items?a=1 HTTP/1.1\r\nconnection: close\r\nhost: test\r\naccept: */*\r\nempty: \r\n\r\n")
    #expect(framing == .none)
  }

  @Test("cookies are joined, and a host that says the same is one")
  func cookies() throws {
    let (text, _) = try write(
      RawFrame.request("GET", "/") + [("cookie", "a=1"), ("host", "TEST"), ("cookie", "b=2"), ("x-a", "1")])
    #expect(
      text == "GET / HTTP/1.1\r\nconnection: close\r\nhost: test\r\nx-a: 1\r\ncookie: a=1; b=2\r\n\r\n")
  }

  @Test("a host stands for an authority that is not there")
  func host() throws {
    let fields = RawFrame.request("GET", "/").filter { $0.0 != ":authority" } + [("host", "test:80")]
    #expect(try write(fields).text.contains("\r\nhost: test:80\r\n"))
  }

  @Test("a body is counted where its length is known, and else comes in chunks")
  func framing() throws {
    let fields = RawFrame.request("POST", "/")
    let counted = try write(fields + [("content-length", "5")], endsStream: false)
    #expect(counted.framing == .length(5) && counted.text.contains("content-length: 5\r\n"))
    let chunked = try write(fields, endsStream: false)
    #expect(chunked.framing == .chunked && chunked.text.contains("transfer-encoding: chunked\r\n"))
    let empty = try write(fields + [("content-length", "0")])
    #expect(empty.framing == .none && empty.text.contains("content-length: 0\r\n"))
  }

  @Test("a body of another length than it was to have is refused")
  func lengths() throws {
    var output = ByteBuffer()
    var body = HTTP2Body(.length(3))
    try body.write(ByteBuffer(string: "ab"), into: &output)
    #expect(throws: HTTP2Body.Malformed.self) { try body.write(ByteBuffer(string: "cd"), into: &output) }
    var short = HTTP2Body(.length(3))
    #expect(throws: HTTP2Body.Malformed.self) { try short.end(nil, into: &output) }
    var none = HTTP2Body(.none)
    #expect(throws: HTTP2Body.Malformed.self) { try none.write(ByteBuffer(string: "a"), into: &output) }
  }

  @Test("trailers follow chunks, and no pseudo-field or line passes for one")
  func trailers() throws {
    var output = ByteBuffer()
    var body = HTTP2Body(.chunked)
    try body.write(ByteBuffer(string: "abc"), into: &output)
    try body.end(trailers([("x-sum", "1")]), into: &output)
    #expect(String(buffer: output) == "3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n")
    let bad: [(String, String)] = [
      (":path", "/"), ("x", "1\r\ny: 2"), ("X", "1"), ("connection", "close"),
      ("x", String(repeating: "a", count: 8_200)),
    ]
    for trailers in bad.map({ self.trailers([$0]) }) {
      var other = HTTP2Body(.chunked)
      var ignored = ByteBuffer()
      #expect(throws: HTTP2Body.Malformed.self) { try other.end(trailers, into: &ignored) }
    }
  }
}
