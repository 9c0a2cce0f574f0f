import GravityContracts
import GravityHTTP
import GravityTelemetry
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@Suite struct AccessTests {
  @Test("without a token 401 and WWW-Authenticate, before the body is read")
  func noToken() async throws {
    try await Shelf.test { (client, _, _) async throws in
      let response = try await client.send(.post, "/api/v1/books", json: "rubbish")
      #expect(response.status == .unauthorized)
      #expect(response.problem?.code == "unauthenticated")
      #expect(response.headers[.wwwAuthenticate] == "Bearer realm=\"gravity\"")
    }
  }

  @Test("a bad token is 401 with the reason", arguments: [("x", "invalid_token"), ("old", "token_expired")])
  func badToken(token: String, code: String) async throws {
    try await Shelf.test { (client, _, _) async throws in
      let response = try await client.send(.post, "/api/v1/books", [.authorization: "Bearer \(token)"], json: "{}")
      #expect(response.status == .unauthorized)
      #expect(response.problem?.code.rawValue == code)
      #expect(response.headers[.wwwAuthenticate]?.contains("error=\"invalid_token\"") == true)
    }
  }

  @Test("a token without the permission, or limited to less, is 403", arguments: ["reader", "limited", "service"])
  func forbidden(token: String) async throws {
    try await Shelf.test { (client, _, _) async throws in
      let response = try await client.send(.post, "/api/v1/books", [.authorization: "Bearer \(token)"], json: "{}")
      #expect(response.status == .forbidden)
      #expect(response.problem?.code == "forbidden")
    }
  }

  @Test("a stale token does not shut anybody out of what is public")
  func publicWithStaleToken() async throws {
    try await Shelf.test { (client, _, _) async throws in
      #expect(try await client.send(.get, "/api/v1/books", [.authorization: "Bearer old"]).status == .ok)
    }
  }

  @Test("what is for services is closed to everybody else")
  func services() async throws {
    try await Shelf.test { (client, _, _) async throws in
      #expect(try await client.send(.get, "/api/v1/inside").status == .unauthorized)
      #expect(try await client.send(.get, "/api/v1/inside", [.authorization: "Bearer writer"]).status == .forbidden)
      #expect(try await client.send(.get, "/api/v1/inside", [.authorization: "Bearer service"]).status == .noContent)
    }
  }

  @Test("If-Match is needed where declared, compared, and refused when malformed")
  func preconditions() async throws {
    try await Shelf.test { (client, _, _) async throws in
      let path = "/api/v1/books/\(ShelfAPI.book.id)"
      func change(_ ifMatch: String?) async throws -> TestResponse {
        var headers: HTTPFields = [.authorization: "Bearer reader"]
        headers[.ifMatch] = ifMatch
        return try await client.send(.patch, path, headers, json: "{\"title\":\"x\"}")
      }
      #expect(try await change(nil).status.code == 428)
      #expect(try await change("\"v2\"").status == .preconditionFailed)
      #expect(try await change("\"v3\"").status == .ok)
      #expect(try await change("\"v1\", \"v3\"").status == .ok)
      #expect(try await change("*").status == .ok)
      #expect(try await change("W/\"v3\"").status == .preconditionFailed)
      #expect(try await change("v3").status == .badRequest)
      let unchanged = try await client.send(.get, path, [.ifNoneMatch: "\"v3\""])
      #expect(unchanged.status == .notModified)
      #expect(unchanged.body.readableBytes == 0)
    }
  }

  @Test("an Idempotency-Key is needed where declared, taken bare and in quotes, and bounded")
  func idempotency() async throws {
    try await Shelf.test { (client, _, _) async throws in
      let name = HTTPField.Name("Idempotency-Key")!
      func buy(_ key: String?) async throws -> TestResponse {
        var headers = HTTPFields()
        headers[name] = key
        return try await client.send(.post, "/api/v1/orders", headers, json: "{\"title\":\"a\",\"pages\":1}")
      }
      #expect(try await buy(nil).problem?.code == "idempotency_key_required")
      #expect(try await buy(nil).status == .badRequest)
      #expect(try await String(buffer: buy("k-1").body).contains("\"title\":\"k-1\""))
      #expect(try await String(buffer: buy("\"k-1\"").body).contains("\"title\":\"k-1\""))
      #expect(try await String(buffer: buy("k-1").body).contains("address 127.0.0.1 buy"))
      #expect(try await buy(String(repeating: "k", count: 256)).problem?.code == "malformed_idempotency_key")
      #expect(try await buy("a b").problem?.code == "malformed_idempotency_key")
    }
  }

  @Test("what operators ask is answered")
  func operations() async throws {
    try await Shelf.test { (client, _, _) async throws in
      for path in ["/health/live", "/health/ready", "/health", "/metrics", "/openapi.json"] {
        #expect(try await client.send(.get, path).status == .ok, "\(path)")
      }
      #expect(try await client.send(.post, "/metrics").status == .notFound)
    }
  }
}
