import NIOCore
import Testing

@testable import Gateway

/// A request that two readers might read differently, or that asks for more than it may.
struct Attack: Sendable, CustomTestStringConvertible {
  var name: String
  var request: String
  var status: Int
  var testDescription: String { name }

  init(_ name: String, _ status: Int, _ request: String) {
    self.name = name
    self.status = status
    self.request = request
  }

  private static func post(_ headers: String, _ body: String = "") -> String {
    "POST /items HTTP/1.1\r\nhost: test\r\n\(headers)\r\n\(body)"
  }
  private static func get(_ target: String, _ headers: String = "") -> String {
    "GET \(target) HTTP/1.1\r\nhost: test\r\n\(headers)\r\n"
  }
  private static let smuggled = "GET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n"

  static let framing = [
    Attack(
      "CL and TE", 400, post("content-length: 6\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n" + smuggled)),
    Attack("TE and CL", 400, post("transfer-encoding: chunked\r\ncontent-length: 6\r\n", "0\r\n\r\nX")),
    Attack("TE of two codings", 400, post("transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n")),
    Attack("TE chunked twice", 400, post("transfer-encoding: chunked, chunked\r\n", "0\r\n\r\n")),
    Attack("two TE lines", 400, post("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", "0\r\n\r\n")),
    Attack("TE identity", 400, post("transfer-encoding: identity\r\n")),
    Attack("TE with a tab inside", 400, post("transfer-encoding: chun\tked\r\n", "0\r\n\r\n")),
    Attack("TE quoted", 400, post("transfer-encoding: \"chunked\"\r\n", "0\r\n\r\n")),
    Attack("TE with a parameter", 400, post("transfer-encoding: chunked;q=1\r\n", "0\r\n\r\n")),
    Attack("TE empty", 400, post("transfer-encoding:\r\n", "0\r\n\r\n")),
    Attack("TE with a vertical tab", 400, post("transfer-encoding: \u{0B}chunked\r\n", "0\r\n\r\n")),
    Attack("TE on HTTP/1.0", 400, "POST /items HTTP/1.0\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    Attack("two different CL", 400, post("content-length: 1\r\ncontent-length: 40\r\n", "a" + smuggled)),
    Attack("two equal CL", 400, post("content-length: 1\r\ncontent-length: 1\r\n", "a")),
    Attack("a list as CL", 400, post("content-length: 1, 1\r\n", "a")),
    Attack("a signed CL", 400, post("content-length: +1\r\n", "a")),
    Attack("a negative CL", 400, post("content-length: -1\r\n")),
    Attack("a CL that overflows", 400, post("content-length: 18446744073709551617\r\n", "a")),
    Attack("a hexadecimal CL", 400, post("content-length: 0x1\r\n", "a")),
    Attack("an empty CL", 400, post("content-length:\r\n")),
    Attack("a CL with a space inside", 400, post("content-length: 1 0\r\n", "a")),
    Attack("obs-fold", 400, post("x-a: 1\r\n content-length: 5\r\n")),
    Attack("obs-fold of TE", 400, post("transfer-encoding:\r\n chunked\r\n", "0\r\n\r\n")),
    Attack("a bare LF after a header", 400, "GET /items HTTP/1.1\r\nhost: test\nx: 1\r\n\r\n"),
    Attack("bare LFs only", 400, "GET /items HTTP/1.1\nhost: test\n\n"),
    Attack("a bare CR in a value", 400, get("/items", "x-a: 1\rcontent-length: 5\r\n")),
    Attack("a NUL in a value", 400, get("/items", "x-a: 1\0\r\n")),
    Attack("a space before the colon", 400, post("content-length : 5\r\n", "abcde")),
    Attack("a space before the name", 400, get("/items", " x-a: 1\r\n")),
    Attack("a header without a colon", 400, get("/items", "x-a\r\n")),
    Attack("an empty name", 400, get("/items", ": 1\r\n")),
    Attack("a name that is no token", 400, get("/items", "x(a): 1\r\n")),
  ]

  static let chunks = [
    Attack("a chunk size that overflows", 400, post("transfer-encoding: chunked\r\n", "FFFFFFFFFFFFFFFFF\r\n")),
    Attack("a signed chunk size", 400, post("transfer-encoding: chunked\r\n", "+1\r\na\r\n0\r\n\r\n")),
    Attack("a chunk size with 0x", 400, post("transfer-encoding: chunked\r\n", "0x1\r\na\r\n0\r\n\r\n")),
    Attack("white space after a chunk size", 400, post("transfer-encoding: chunked\r\n", "1 \r\na\r\n0\r\n\r\n")),
    Attack("a chunk longer than it says", 400, post("transfer-encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n")),
    Attack("a bare LF after a chunk size", 400, post("transfer-encoding: chunked\r\n", "1\na\r\n0\r\n\r\n")),
    Attack("a bare LF in an extension", 400, post("transfer-encoding: chunked\r\n", "1;a\nb\r\na\r\n0\r\n\r\n")),
    Attack(
      "extensions without end", 400,
      post("transfer-encoding: chunked\r\n", "1;" + String(repeating: "a", count: 20_000))),
    Attack("a folded trailer", 400, post("transfer-encoding: chunked\r\n", "0\r\nx-a: 1\r\n b\r\n\r\n")),
    Attack("a bare LF in the trailers", 400, post("transfer-encoding: chunked\r\n", "0\r\nx-a: 1\n\r\n")),
  ]

  static let targets = [
    Attack("no Host", 400, "GET /items HTTP/1.1\r\n\r\n"),
    Attack("two Hosts", 400, "GET /items HTTP/1.1\r\nhost: test\r\nhost: other\r\n\r\n"),
    Attack("a Host with a path", 400, "GET /items HTTP/1.1\r\nhost: test/admin\r\n\r\n"),
    Attack("a Host with user information", 400, "GET /items HTTP/1.1\r\nhost: a@test\r\n\r\n"),
    Attack("a target that names another host", 400, get("http://other/items")),
    Attack("a target with user information", 400, get("http://test@other/items")),
    Attack("a target of another scheme", 400, get("file:///etc/passwd")),
    Attack("an authority as target", 501, "CONNECT test:443 HTTP/1.1\r\nhost: test:443\r\n\r\n"),
    Attack("TRACE", 501, "TRACE /items HTTP/1.1\r\nhost: test\r\n\r\n"),
    Attack("dot segments", 400, get("/public/../items")),
    Attack("a dot segment at the end", 400, get("/items/..")),
    Attack("a single dot", 400, get("/./items")),
    Attack("encoded dots", 400, get("/public/%2e%2e/items")),
    Attack("half encoded dots", 400, get("/public/.%2E/items")),
    Attack("a dot segment with a parameter", 400, get("/public/..;/items")),
    Attack("a dot segment with an encoded parameter", 400, get("/public/..%3Bx/items")),
    Attack("a single dot with a parameter", 400, get("/.;/items")),
    Attack("an empty segment with a parameter", 400, get("/;x/items")),
    Attack("a parameter", 400, get("/items;x")),
    Attack("a parameter within", 400, get("/items;x=1/7")),
    Attack("a parameter's beginning alone", 400, get("/items;")),
    Attack("an encoded parameter", 400, get("/items%3bx")),
    Attack("a parameter of a path that the gateway answers itself", 400, get("/health/live;x")),
    Attack("an empty segment", 400, get("//items")),
    Attack("an encoded slash", 400, get("/public%2fitems")),
    Attack("an encoded backslash", 400, get("/public%5citems")),
    Attack("a backslash", 400, get("/public\\items")),
    Attack("an encoded NUL", 400, get("/items%00.json")),
    Attack("an encoded letter", 400, get("/%69tems")),
    Attack("half an escape", 400, get("/items%2")),
    Attack("a fragment", 400, get("/items#x")),
    Attack("a space in the target", 400, get("/it ems")),
    Attack("raw UTF-8 in the target", 400, get("/ítems")),
    Attack("a tab instead of a space", 400, "GET\t/items HTTP/1.1\r\nhost: test\r\n\r\n"),
    Attack("two spaces", 400, "GET  /items HTTP/1.1\r\nhost: test\r\n\r\n"),
    // HTTP/2's own preface has tests of its own.
    Attack("HTTP/2 in a request line", 505, "GET /items HTTP/2.0\r\nhost: test\r\n\r\n"),
    Attack("HTTP/1.2", 505, "GET /items HTTP/1.2\r\nhost: test\r\n\r\n"),
    Attack("HTTP/0.9", 400, "GET /items\r\n\r\n"),
    Attack("TLS on a plain port", 400, "\u{16}\u{03}\u{01}\u{00}"),
    Attack("two Authorization headers", 400, get("/mine", "authorization: Bearer good\r\nauthorization: Bearer x\r\n")),
    Attack("an unknown expectation", 417, get("/items", "expect: 200-maybe\r\n")),
    Attack("a long target", 414, get("/" + String(repeating: "a", count: 9_000))),
    Attack("a long target without end", 414, "GET /" + String(repeating: "a", count: 9_000)),
    Attack("a large head", 431, get("/items", "x-a: " + String(repeating: "a", count: 66_000) + "\r\n")),
    Attack("many headers", 431, get("/items", String(repeating: "a: 1\r\n", count: 101))),
  ]

  static var all: [Attack] { framing + chunks + targets }
}

@Suite("Attacks") struct AttackTests {
  @Test("is refused, the connection closed, and nothing more of it read", arguments: Attack.all)
  func refused(_ attack: Attack) async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send(attack.request)
      let response = try await client.response()
      #expect(response.status == attack.status)
      #expect(response.header("content-type") == "application/problem+json")
      #expect(response.header("connection") == "close")
      #expect(response.member("status") == "\(attack.status)")
      #expect(response.member("request_id") == response.header("x-request-id"))
      #expect(await client.rest() == "")
      #expect(upstream.requests.isEmpty)
    }
  }

  @Test("attacks are at least sixty") func count() { #expect(Attack.all.count >= 60) }
}

@Suite("Attacks by a service") struct UpstreamAttackTests {
  static let answers = [
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx: 1\r\n folded\r\n\r\n",
    "HTTP/1.1 200 OK\nx: 1\n\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/2 200\r\n\r\n",
    "not http\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    "HTTP/1.1 200 OK\r\nset-cookie: a\rb\r\n\r\n",
  ]

  @Test("an answer that is not HTTP is 502 and its connection not used again", arguments: answers)
  func malformed(_ answer: String) async throws {
    let upstream = try await ScriptedUpstream { _ in .text(answer) }
    try await RunningGateway.run([upstream]) { gateway in
      let response = try await gateway.get("/items")
      #expect(response.status == 502 && response.member("code") == "bad_gateway")
      _ = try await gateway.get("/items")
      #expect(Set(upstream.requests.map(\.connection)).count == 2)
    }
  }

  @Test("bytes after an answer are nobody's next answer")
  func queued() async throws {
    let upstream = try await ScriptedUpstream { seen in
      seen.head.hasPrefix("GET /items/1")
        ? .text("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison")
        : .ok("mine")
    }
    try await RunningGateway.run([upstream]) { gateway in
      let first = try await gateway.get("/items/1")
      #expect(first.body == "a")
      for _ in 0..<5 {
        let next = try await gateway.get("/items/2")
        #expect(next.body == "mine")
      }
    }
  }
}
