import GravityContracts
import NIOCore
import Patience
import Testing

@testable import Gateway

@Suite("Compression") struct CompressionTests {
  static let json = "[" + (0..<2_000).map { #"{"id":\#($0),"name":"an item"}"# }.joined(separator: ",") + "]"

  private static func route(_ policy: CompressionPolicy = .init()) -> [Route] {
    [Route("items.list", path: "/items", service: "items", access: .public, compression: policy)]
  }

  private static func answer(_ headers: String = "", type: String = "application/json", _ body: String = json) -> Reply
  {
    .ok(body, headers: "content-type: \(type)\r\n\(headers)")
  }

  @Test("the coding that the client likes best is chosen, by weights, and none that it refuses")
  func negotiation() {
    func best(_ lines: String...) -> ContentCoding? {
      var accepted = AcceptEncoding()
      for line in lines { Array(line.utf8).withUnsafeBytes { accepted.add($0) } }
      return accepted.best(of: [.br, .gzip])
    }
    #expect(best() == nil && best("") == nil && best("identity") == nil && best("deflate, zstd") == nil)
    #expect(best("gzip") == .gzip && best("br") == .br && best("gzip, br") == .br && best("GZIP") == .gzip)
    #expect(best("gzip;q=1.0, br;q=0.5") == .gzip && best("x-gzip") == .gzip && best("*") == .br)
    #expect(best("br;q=0, *") == .gzip && best("gzip;q=0") == nil && best("*;q=0") == nil)
    #expect(best("gzip;q=0.5, identity") == nil && best("gzip, identity;q=0.5") == .gzip)
    #expect(best("gzip;q=0.3", "br ; q=0.301") == .br && best("gzip", "gzip;q=0") == nil)
    // Neither is a weight.
    #expect(best("gzip;q=2") == nil && best("gzip;q=0.1234") == nil && best("gzip;level=1") == nil)
  }

  @Test("an answer is coded as the client takes it, and says so", arguments: ContentCoding.allCases)
  func codes(_ coding: ContentCoding) async throws {
    let upstream = try await ScriptedUpstream { _ in
      Self.answer("etag: \"v1\"\r\naccept-ranges: bytes\r\ncontent-digest: sha-256=:AA==:\r\nvary: Origin\r\n")
    }
    try await RunningGateway.run([upstream], routes: Self.route()) { gateway in
      let client = try await gateway.connect()
      for _ in 0..<3 {
        try await client.send("GET /items HTTP/1.1\r\nhost: test\r\naccept-encoding: \(coding.rawValue)\r\n\r\n")
        let response = try await client.response()
        #expect(response.status == 200 && response.header("content-encoding") == coding.rawValue)
        #expect(response.header("transfer-encoding") == "chunked" && response.header("content-length") == nil)
        #expect(response.header("etag") == "W/\"v1\"" && response.header("accept-ranges") == nil)
        #expect(response.header("content-digest") == nil)
        #expect(response.head.lowercased().contains("vary: origin\r\n"))
        #expect(response.head.lowercased().contains("vary: accept-encoding\r\n"))
        let decoded = Decoding.decode(response.bytes, coding)
        #expect(decoded?.text == Self.json && decoded?.isWhole == true)
        #expect(response.bytes.readableBytes < Self.json.utf8.count / 5)
      }
      try await eventually("all are logged") { gateway.log.entries.count == 3 }
      #expect(gateway.log.entries.allSatisfy { (1..<Self.json.utf8.count / 5).contains($0.responseBodyBytes) })
      // Its connection is as good as before.
      #expect(upstream.connections <= System.loops + 2)
    }
  }

  @Test("what is coded, small, partial, private or not to be touched goes as it is")
  func spares() async throws {
    let upstream = try await ScriptedUpstream { request in
      switch request.header("x-case") {
      case "coded": return Self.answer("content-encoding: br\r\n")
      case "image": return Self.answer(type: "image/png")
      case "stream": return Self.answer(type: "text/event-stream")
      case "no-transform": return Self.answer("cache-control: public, no-transform\r\n")
      case "small": return Self.answer("", String(Self.json.prefix(1_023)))
      case "partial":
        return .text(
          "HTTP/1.1 206 Partial Content\r\ncontent-type: text/plain\r\ncontent-range: bytes 0-4/9\r\n"
            + "content-length: 5\r\n\r\nhello")
      case "unchanged": return .text("HTTP/1.1 304 Not Modified\r\netag: \"v1\"\r\n\r\n")
      case "head": return .text("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5000\r\n\r\n")
      default: return Self.answer()
      }
    }
    try await RunningGateway.run([upstream], routes: Self.route()) { gateway in
      func get(_ name: String, _ headers: String = "") async throws -> RawResponse {
        try await gateway.get(
          "/items", headers: "accept-encoding: gzip, br\r\n\(name.isEmpty ? "" : "x-case: \(name)\r\n")\(headers)")
      }
      for name in ["coded", "image", "stream", "no-transform", "small", "partial"] {
        let response = try await get(name)
        #expect(response.header("content-encoding") == (name == "coded" ? "br" : nil), "\(name)")
        #expect(response.header("content-length") != nil && response.header("vary") == nil, "\(name)")
      }
      let cases = ["authorization: Bearer abc\r\n", "cookie: sid=1\r\n", "cache-control: no-transform\r\n"]
      for headers in cases {
        let response = try await get("", headers)
        #expect(response.header("content-encoding") == nil && response.body == Self.json, "\(headers)")
        #expect(response.header("vary") == "Accept-Encoding")
      }
      let unchanged = try await get("unchanged")
      #expect(unchanged.status == 304 && unchanged.header("vary") == "Accept-Encoding")
      #expect(unchanged.header("etag") == "\"v1\"")
      let head = try await gateway.ask(
        "HEAD /items HTTP/1.1\r\nhost: test\r\naccept-encoding: br\r\nx-case: head\r\n\r\n", hasBody: false)
      #expect(head.header("content-length") == "5000" && head.header("content-encoding") == nil)
      #expect(head.header("vary") == "Accept-Encoding")
      let old = try await gateway.ask("GET /items HTTP/1.0\r\nhost: test\r\naccept-encoding: gzip\r\n\r\n")
      #expect(old.header("content-encoding") == nil && old.body == Self.json)
    }
  }

  @Test("a policy may name other types, and answers to whoever bears a token")
  func policies() async throws {
    let upstream = try await ScriptedUpstream { _ in Self.answer(type: "Application/Vnd.Special; charset=utf-8") }
    var policy = CompressionPolicy()
    policy.types = ["application/vnd.special"]
    policy.includesPrivate = true
    policy.codings = [.gzip]
    try await RunningGateway.run([upstream], routes: Self.route(policy)) { gateway in
      let response = try await gateway.get("/items", token: "good", headers: "accept-encoding: br, gzip;q=0.1\r\n")
      #expect(response.header("content-encoding") == "gzip")
      #expect(Decoding.decode(response.bytes, .gzip)?.text == Self.json)
    }
    policy.gzipLevel = 10
    #expect(throws: RouteError.self) { try RoutingTable(routes: Self.route(policy)) }
    policy = .init()
    policy.types = ["json"]
    #expect(throws: RouteError.self) { try RoutingTable(routes: Self.route(policy)) }
  }

  @Test("a megabyte in chunks, and a body that ends with its connection, come whole", arguments: ContentCoding.allCases)
  func large(_ coding: ContentCoding) async throws {
    let text = (0..<40_000).map { "line \($0 &* 2_654_435_761 % 1_000_003)\n" }.joined()
    let upstream = try await ScriptedUpstream { request in
      guard request.head.contains("x-close") else {
        let size = String(text.utf8.count, radix: 16)
        return .text(
          "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n\(size)\r\n\(text)\r\n"
            + "0\r\nx-trailer: 1\r\n\r\n")
      }
      return .textThenClose("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n\(text)")
    }
    try await RunningGateway.run([upstream], routes: Self.route()) { gateway in
      for header in ["", "x-close: 1\r\n", ""] {
        let response = try await gateway.get("/items", headers: "accept-encoding: \(coding.rawValue)\r\n\(header)")
        let decoded = Decoding.decode(response.bytes, coding)
        #expect(decoded?.text == text && decoded?.isWhole == true)
      }
    }
  }

  @Test("what a service has sent reaches the client while it is silent; what it breaks off does not look whole")
  func streams() async throws {
    let part = String(repeating: "tick ", count: 100)
    let upstream = try await ScriptedUpstream { request in
      let size = String(part.utf8.count, radix: 16)
      let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n\(size)\r\n\(part)\r\n"
      return request.head.contains("x-break") ? .textThenClose(head) : .text(head)
    }
    try await RunningGateway.run([upstream], routes: Self.route()) { gateway in
      for coding in ContentCoding.allCases {
        let client = try await gateway.connect()
        try await client.send("GET /items HTTP/1.1\r\nhost: test\r\naccept-encoding: \(coding.rawValue)\r\n\r\n")
        let received = try await client.received { Self.soFar($0, coding)?.text == part }
        #expect(Self.soFar(received, coding)?.isWhole == false)
        await client.close()
      }
      let client = try await gateway.connect()
      try await client.send("GET /items HTTP/1.1\r\nhost: test\r\nx-break: 1\r\naccept-encoding: gzip\r\n\r\n")
      let rest = await client.rest()
      #expect(!rest.hasSuffix("0\r\n\r\n"))
    }
  }

  /// What can be decoded of an answer that has not ended.
  private static func soFar(_ received: ByteBuffer, _ coding: ContentCoding) -> (text: String, isWhole: Bool)? {
    var input = received
    guard let length = input.withUnsafeReadableBytes({ (try? HeadScanner.headLength($0)) ?? nil }) else {
      return nil
    }
    input.moveReaderIndex(forwardBy: length)
    var reader = BodyReader(.chunked, decodesChunks: true)
    var coded = ByteBuffer()
    while var piece = (try? reader.next(&input)) ?? nil { coded.writeBuffer(&piece) }
    return coded.readableBytes > 0 ? Decoding.decode(coded, coding) : nil
  }

  @Test("more answers than may be compressed at a time go as they are")
  func bounded() async throws {
    let upstream = try await ScriptedUpstream { _ in Self.answer("etag: \"v1\"\r\n") }
    try await RunningGateway.run(
      [upstream], routes: Self.route(), configure: { $0.limits.compressedAnswersPerLoop = 0 }
    ) { gateway in
      let response = try await gateway.get("/items", headers: "accept-encoding: gzip\r\n")
      #expect(response.header("content-encoding") == nil && response.header("etag") == "\"v1\"")
      #expect(response.body == Self.json && response.header("vary") == "Accept-Encoding")
    }
    var pool = EncoderPool(maximum: 2)
    let (one, two) = (pool.take(.gzip, .init()), pool.take(.br, .init()))
    #expect(one != nil && two != nil && pool.take(.gzip, .init()) == nil && pool.inUse == 2)
    if let one { pool.giveBack(one) }
    let again = pool.take(.gzip, .init())
    #expect(again != nil && again === one)
  }
}
