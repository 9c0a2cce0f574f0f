import Foundation
import GravityContracts
import GravityHTTP
import GravityTelemetry
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@Suite struct RequestTests {
  static let writer: HTTPFields = [.authorization: "Bearer writer"]

  @Test("a good request is decoded, served and encoded with its declared status")
  func served() async throws {
    try await Shelf.test { (client, log, metrics) async throws in
      let response = try await client.send(
        .post, "/api/v1/books", Self.writer, json: "{\"title\":\"Emma\",\"pages\":474}")
      #expect(response.status == .created)
      #expect(response.headers[.contentType] == "application/json")
      #expect(response.headers[.eTag] == "\"v1\"")
      #expect(response.headers[HTTPField.Name("X-Request-Id")!]?.isEmpty == false)
      #expect(metrics.text().contains("http_route=\"/api/v1/books\",http_response_status_code=\"201\"} 1"))
      #expect(log.lines.contains { $0.contains("\"http.response.status_code\":201") })
    }
  }

  @Test(
    "malformed JSON is 400 with its position",
    arguments: [
      ("{\"title\":", "Line 1, column 10"), ("{\"title\":\"a\",}", "Line 1, column 14"),
      ("{\"title\":\"a\",\n\"title\":\"b\"}", "Line 2, column 1: the name \"title\" stands twice"),
      ("{\"title\":\"\\u0000\"}", "NUL"), ("{\"title\":\"\u{1}\"}", "control character"), ("[1 2]", "Line 1, column 4"),
      ("{\"title\":\"a\",\"t\\u0069tle\":\"b\"}", "stands twice"), ("", "ends where a value"),
      ("{} x", "something after"), ("{\"a\":01}", "column 7"), ("nul", "value"),
      ("{\"a\":\"\\ud800\"}", "surrogate"), (String(repeating: "[", count: 100_000), "nested deeper than 64"),
      ("{\"ä\":1,}", "column 8"),
    ])
  func malformed(body: String, detail: String) async throws {
    try await Shelf.test { (client, _, _) async throws in
      let response = try await client.send(.post, "/api/v1/books", Self.writer, json: body)
      #expect(response.status == .badRequest)
      #expect(response.headers[.contentType] == "application/problem+json")
      #expect(response.problem?.code == "malformed_json")
      #expect(response.problem?.detail?.contains(detail) == true, "\(response.problem?.detail ?? "")")
      #expect(response.problem?.requestID == response.headers[HTTPField.Name("X-Request-Id")!])
    }
  }

  @Test(
    "fields that are not valid are 422 and named",
    arguments: [
      ("{}", "title", "required"), ("{\"title\":\"a\"}", "pages", "required"),
      ("{\"title\":1,\"pages\":1}", "title", "type"), ("{\"title\":\"a\",\"pages\":\"1\"}", "pages", "type"),
      ("{\"title\":\"a\",\"pages\":1,\"tags\":[\"x\",2]}", "tags.1", "type"),
      ("{\"title\":null,\"pages\":1}", "title", "required"),
      // Foundation does not say where such a number stands.
      ("{\"title\":\"a\",\"pages\":1.5}", "", "format"),
      ("{\"title\":\"a\",\"pages\":1e999}", "", "format"), ("[]", "", "type"),
    ])
  func invalid(body: String, field: String, code: String) async throws {
    try await Shelf.test { (client, _, _) async throws in
      let response = try await client.send(.post, "/api/v1/books", Self.writer, json: body)
      #expect(response.status == .unprocessableContent)
      #expect(response.problem?.code == "invalid")
      #expect(response.problem?.errors?.map(\.field) == [field])
      #expect(response.problem?.errors?.map(\.code) == [code], "\(response.problem?.errors ?? [])")
      #expect(String(buffer: response.body).contains("Swift") == false)
    }
  }

  @Test("a query is read by type, and what does not fit is named")
  func queries() async throws {
    try await Shelf.test { (client, _, _) async throws in
      #expect(try await client.send(.get, "/api/v1/books?limit=5&since=2026-01-31T09:30:00Z").status == .ok)
      for (query, field) in [
        ("limit=x", "limit"), ("limit=0", "limit"), ("limit=101", "limit"), ("since=now", "since"),
        ("cursor=x", "cursor"),
      ] {
        let response = try await client.send(.get, "/api/v1/books?\(query)")
        #expect(response.status == .unprocessableContent, "\(query)")
        #expect(response.problem?.errors?.first?.field == field)
      }
      for query in ["limit=%zz", "limit=1&limit=2", "a=%00", "a=%ff"] {
        #expect(try await client.send(.get, "/api/v1/books?\(query)").problem?.code == "malformed_query", "\(query)")
      }
      #expect(try await client.send(.get, "/api/v1/books/not-an-id").status == .unprocessableContent)
    }
  }

  @Test("bodies are bounded, of the declared type and not encoded")
  func bodies() async throws {
    try await Shelf.test { (client, _, _) async throws in
      let large = "{\"title\":\"" + String(repeating: "a", count: 1 << 20) + "\",\"pages\":1}"
      #expect(try await client.send(.post, "/api/v1/books", Self.writer, json: large).status == .contentTooLarge)
      var headers = Self.writer
      headers[.contentType] = "text/plain"
      #expect(try await client.send(.post, "/api/v1/books", headers, json: "{}").status == .unsupportedMediaType)
      headers[.contentType] = "application/json; charset=utf-8"
      let typed = try await client.send(.post, "/api/v1/books", headers, json: "{\"title\":\"a\",\"pages\":1}")
      #expect(typed.status == .created)
      headers[.contentEncoding] = "gzip"
      #expect(try await client.send(.post, "/api/v1/books", headers, json: "{}").status == .unsupportedMediaType)
      let form = try await client.send(
        .post, "/oauth/form", [.contentType: "application/x-www-form-urlencoded"], json: "token=a%20b+c&x=1")
      #expect(form.status == .noContent)
      #expect(form.headers[HTTPField.Name("X-Token")!] == "a b c")
    }
  }

  @Test("addresses and headers are bounded")
  func heads() async throws {
    try await Shelf.test { (client, _, _) async throws in
      let long = "/api/v1/books?cursor=" + String(repeating: "a", count: 9000)
      #expect(try await client.send(.get, long).status.code == 414)
      let large: HTTPFields = [HTTPField.Name("X-Large")!: String(repeating: "a", count: 40_000)]
      #expect(try await client.send(.get, "/api/v1/books", large).status.code == 431)
    }
  }

  @Test("an unknown address is 404, a method that is not served 405 with those that are")
  func unknown() async throws {
    try await Shelf.test { (client, _, _) async throws in
      let nowhere = try await client.send(.get, "/nowhere")
      #expect(nowhere.status == .notFound)
      #expect(nowhere.problem?.code == "not_found", "\(String(buffer: nowhere.body))")
      let wrong = try await client.send(.delete, "/api/v1/books")
      #expect(wrong.status == .methodNotAllowed)
      #expect(wrong.headers[.allow] == "GET, POST")
      // Also by methods that no interface of the platform uses.
      for method in [HTTPRequest.Method.trace, .options, .init("PURGE")!] {
        let answer = try await client.send(method, "/api/v1/books/\(UUID())")
        #expect(answer.status == .methodNotAllowed && answer.headers[.allow] == "GET, PATCH", "\(method)")
        #expect(try await client.send(method, "/nowhere").status == .notFound)
      }
    }
  }

  @Test("HEAD is what GET is, without the body")
  func head() async throws {
    try await Shelf.test { (client, _, _) async throws in
      for path in ["/api/v1/books", "/health/live", "/openapi.json"] {
        let (get, head) = (try await client.send(.get, path), try await client.send(.head, path))
        #expect(head.status == get.status)
        #expect(head.body.readableBytes == 0)
        #expect(head.headers[.contentLength] == get.headers[.contentLength])
      }
      #expect(try await client.send(.head, "/nowhere").status == .notFound)
    }
  }

  @Test("an escaped field of the path is read, a malformed one is 400")
  func escapedPath() async throws {
    try await Shelf.test { (client, _, _) async throws in
      let id = ShelfAPI.book.id.uuidString
      #expect(
        try await client.send(.get, "/api/v1/books/%\(String(id.utf8.first!, radix: 16))\(id.dropFirst())").status
          == .ok)
      #expect(try await client.send(.get, "/api/v1/books/%00").problem?.code == "malformed_path")
      #expect(try await client.send(.get, "/api/v1/books/%zz").status == .badRequest)
    }
  }

  @Test("an error that nobody expected says nothing but its request id; the log says the rest")
  func broken() async throws {
    try await Shelf.test { (client, log, _) async throws in
      let response = try await client.send(.get, "/api/v1/broken")
      #expect(response.status == .internalServerError)
      #expect(response.problem?.code == "internal")
      #expect(String(buffer: response.body).contains("Cocoa") == false)
      let id = try #require(response.problem?.requestID)
      #expect(log.lines.contains { $0.contains("NSCocoaErrorDomain") && $0.contains(id) })
    }
  }

  @Test("work that takes longer than the caller waits is given up with 504")
  func deadline() async throws {
    try await Shelf.test { (client, _, _) async throws in
      let began = ContinuousClock.now
      let response = try await client.send(.get, "/api/v1/slow", [HTTPField.Name("X-Request-Timeout-Ms")!: "50"])
      #expect(response.status == .gatewayTimeout)
      #expect(response.problem?.code == "deadline_exceeded")
      #expect(began.duration(to: .now) < .seconds(30))
    }
  }

  @Test("a trace goes on and a request id from a trusted proxy is kept")
  func trace() async throws {
    try await Shelf.test { (client, log, _) async throws in
      let headers: HTTPFields = [
        HTTPField.Name("traceparent")!: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        HTTPField.Name("X-Request-Id")!: "id-1", HTTPField.Name("X-Forwarded-For")!: "10.1.1.1, 203.0.113.9",
      ]
      let response = try await client.send(.get, "/api/v1/books", headers)
      #expect(response.headers[HTTPField.Name("X-Request-Id")!] == "id-1")
      let line = try #require(log.lines.first { $0.contains("id-1") })
      #expect(line.contains("\"trace.id\":\"4bf92f3577b34da6a3ce929d0e0e4736\""))
      #expect(line.contains("\"client.address\":\"203.0.113.9\""))
      let forged = try await client.send(.get, "/api/v1/books", [HTTPField.Name("X-Request-Id")!: "a b\"c"])
      #expect(forged.headers[HTTPField.Name("X-Request-Id")!]?.count == 36)
    }
  }
}
