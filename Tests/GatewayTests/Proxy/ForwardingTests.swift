import GravityContracts
import NIOCore
import Patience
import Testing

@testable import Gateway

@Suite("Forwarding") struct ForwardingTests {
  @Test("a request reaches the service with the gateway's own headers and the answer comes back")
  func forwards() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok(#"{"a":1}"#, headers: "x-kept: yes\r\n") }
    try await RunningGateway.run([upstream]) { gateway in
      let response = try await gateway.get("/items?q=1")
      #expect(response.status == 200)
      #expect(response.body == #"{"a":1}"#)
      #expect(response.header("x-kept") == "yes")
      let seen = try #require(upstream.requests.first)
      #expect(seen.head.hasPrefix("GET /items?q=1 HTTP/1.1\r\nhost: test\r\n"))
      #expect(seen.header("x-forwarded-for") == "127.0.0.1")
      #expect(seen.header("x-forwarded-proto") == "http")
      #expect(seen.header("x-forwarded-host") == "test")
      #expect(seen.header("forwarded") == #"for=127.0.0.1;proto=http;host="test""#)
      #expect(seen.header("x-request-id") == response.header("x-request-id"))
      #expect(seen.header("x-request-timeout-ms") == "30000")
      #expect(seen.header("traceparent")?.count == 55)
      try await eventually("the request is logged") { gateway.log.entries.count == 1 }
      let entry = gateway.log.entries[0]
      #expect(entry.path == "/items" && entry.status == 200 && entry.route == "items.list")
      #expect(entry.upstream == "items-1" && entry.responseBodyBytes == 7)
    }
  }

  @Test("headers of the connection, those that it names, and claims of identity do not pass")
  func strips() async throws {
    let upstream = try await ScriptedUpstream { _ in
      .ok("{}", headers: "connection: x-private\r\nx-private: 1\r\nkeep-alive: timeout=5\r\nx-public: 1\r\n")
    }
    try await RunningGateway.run([upstream]) { gateway in
      let response = try await gateway.get(
        "/items",
        headers: "connection: X-Hop, keep-alive\r\nx-hop: 1\r\nkeep-alive: 1\r\nte: trailers\r\nx-user-id: root\r\n"
          + "X-Gravity-Subject: root\r\nX_User_Id: root\r\nx-auth-request-user: root\r\nremote-user: root\r\n"
          + "x-forwarded-for: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\nx-http-method-override: DELETE\r\n"
          + "x-original-url: /admin\r\nproxy-authorization: x\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n"
          + "x-request-timeout-ms: 40000\r\nx-end-to-end: 1\r\n")
      #expect(response.header("x-private") == nil && response.header("keep-alive") == nil)
      #expect(response.header("x-public") == "1")
      let seen = try #require(upstream.requests.first)
      for name in [
        "connection", "x-hop", "keep-alive", "te", "x-user-id", "x-gravity-subject", "x_user_id",
        "x-auth-request-user", "remote-user", "x-http-method-override", "x-original-url", "proxy-authorization",
        "upgrade", "http2-settings",
      ] { #expect(seen.headers(name) == 0, "\(name)") }
      #expect(!seen.head.contains("6.6.6.6"))
      #expect(seen.headers("x-request-timeout-ms") == 1)
      #expect(seen.header("x-end-to-end") == "1")
    }
  }

  @Test("a trusted proxy's word about its clients counts and is added to")
  func trusts() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], configure: { $0.trustedProxies = [CIDR("127.0.0.0/8")!] }) { gateway in
      _ = try await gateway.get(
        "/items",
        headers: "x-forwarded-for: 1.1.1.1, 9.9.9.9\r\nx-forwarded-proto: https\r\nx-forwarded-host: shop.example\r\n")
      let seen = try #require(upstream.requests.first)
      #expect(seen.header("x-forwarded-for") == "1.1.1.1, 9.9.9.9, 127.0.0.1")
      #expect(seen.header("x-forwarded-proto") == "https")
      #expect(seen.header("x-forwarded-host") == "shop.example")
      try await eventually("the client is logged") { gateway.log.entries.first?.clientAddress == "9.9.9.9" }
    }
  }

  @Test("an inbound trace is gone on with, and a harmless request id kept")
  func traces() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
      let response = try await gateway.get(
        "/items",
        headers: "traceparent: 00-\(trace)-00f067aa0ba902b7-00\r\ntracestate: a=b\r\nx-request-id: mine-1.2_3~\r\n")
      #expect(response.header("x-request-id") == "mine-1.2_3~")
      _ = try await gateway.get("/items", headers: "traceparent: bad\r\ntracestate: a=b\r\nx-request-id: a b\r\n")
      let (first, second) = (upstream.requests[0], upstream.requests[1])
      #expect(first.header("traceparent")?.hasPrefix("00-\(trace)-") == true)
      #expect(first.header("traceparent")?.contains("00f067aa0ba902b7") == false)
      #expect(first.header("traceparent")?.hasSuffix("-00") == true)
      #expect(first.headers("traceparent") == 1 && first.header("tracestate") == "a=b")
      #expect(second.header("traceparent")?.contains(trace) == false && second.headers("tracestate") == 0)
      #expect(second.header("x-request-id")?.count == 36)
    }
  }

  @Test("pipelined requests are answered in order, over one upstream connection")
  func pipelines() async throws {
    let upstream = try await ScriptedUpstream { .ok(String($0.head.prefix(10))) }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      let requests = (1...5).map { "GET /items/\($0) HTTP/1.1\r\nhost: test\r\n\r\n" }.joined()
      try await client.send(requests)
      for index in 1...5 { #expect(try await client.response().body == "GET /items".prefix(10), "\(index)") }
      #expect(upstream.requests.map { $0.head.prefix(12) } == (1...5).map { "GET /items/\($0)" }.map { $0[...] })
      #expect(Set(upstream.requests.map(\.connection)).count == 1)
      await client.close()
    }
  }

  @Test("chunked bodies pass both ways, and trailers but those that may not be any")
  func chunks() async throws {
    let upstream = try await ScriptedUpstream { _ in
      .text(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n4\r\nWiki\r\n5;a=b\r\npedia\r\n0\r\n"
          + "x-sum: 1\r\ncontent-length: 3\r\n\r\n")
    }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send(
        "POST /items HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
      try await client.send("2\r\nde\r\n0\r\nx-user-id: root\r\nx-fine: 1\r\n\r\n")
      let text = try await client.response()
      #expect(text.body == "Wikipedia")
      #expect(upstream.requests.first?.body == "abcde")
      await client.close()
      let whole = try await gateway.connect()
      try await whole.send("GET /items HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
      let raw = await whole.rest()
      #expect(raw.hasSuffix("0\r\nx-sum: 1\r\n\r\n"))
    }
  }

  @Test("an HTTP/1.0 client gets chunks taken apart and the connection closed")
  func version10() async throws {
    let upstream = try await ScriptedUpstream { _ in
      .text("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n")
    }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send("GET /items HTTP/1.0\r\n\r\n")
      let raw = await client.rest()
      #expect(raw.hasSuffix("\r\n\r\nWikipedia"))
      #expect(!raw.lowercased().contains("transfer-encoding"))
      #expect(upstream.requests.first?.header("host") == "items")
    }
  }

  @Test("HEAD and 304 have no body whatever their headers say, and the connection lives on")
  func bodiless() async throws {
    let upstream = try await ScriptedUpstream { seen in
      seen.head.hasPrefix("HEAD")
        ? .text("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
        : .text("HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\netag: \"1\"\r\n\r\n")
    }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send("HEAD /items HTTP/1.1\r\nhost: test\r\n\r\nGET /items HTTP/1.1\r\nhost: test\r\n\r\n")
      #expect(try await client.response(hasBody: false).header("content-length") == "100")
      #expect(try await client.response().status == 304)
      await client.close()
    }
  }

  @Test("Expect: 100-continue reaches the service and its 100 the client")
  func continues() async throws {
    let upstream = try await ScriptedUpstream(answersAtHead: true) { _ in
      .text(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
          + "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send("POST /items HTTP/1.1\r\nhost: test\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n")
      #expect(try await client.response().status == 100)
      #expect(try await client.response().header("link") == "</a>")
      #expect(try await client.response().status == 200)
      #expect(upstream.requests.first?.header("expect") == "100-continue")
      await client.close()
    }
  }

  @Test("a WebSocket handshake becomes a tunnel")
  func tunnels() async throws {
    let upstream = try await ScriptedUpstream { seen in
      seen.header("upgrade") == "websocket"
        ? .echo("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n") : .ok()
    }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send(
        "GET /ws HTTP/1.1\r\nhost: test\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n"
          + "sec-websocket-key: x\r\n\r\n")
      let answer = try await client.response()
      #expect(answer.status == 101 && answer.header("upgrade") == "websocket")
      try await client.send("GET /not/http HTTP/1.1\r\n\r\n")
      #expect(try await client.bytes(26) == "GET /not/http HTTP/1.1\r\n\r\n")
      await client.close()
    }
  }

  @Test("events of a stream arrive one by one while the answer goes on")
  func streams() async throws {
    let upstream = try await ScriptedUpstream { seen in
      .text("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
    }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send("GET /items HTTP/1.1\r\nhost: test\r\n\r\n")
      var received = ""
      for await piece in client.stream {
        received += String(buffer: piece)
        if received.hasSuffix("data: 1\n\n") { break }
      }
      #expect(received.hasPrefix("HTTP/1.1 200 OK"))
      await client.close()
    }
  }
}
