import GravityContracts
import Testing

@testable import Gateway

@Suite("CORS") struct CORSTests {
  private static func routes(_ policy: CORSPolicy) -> [Route] {
    [
      Route("items.list", path: "/items", methods: ["GET"], service: "items", access: .public, cors: policy),
      Route("items.add", path: "/items", methods: ["POST"], service: "items", access: .authenticated, cors: policy),
      Route("items.own", path: "/own", methods: ["GET", "OPTIONS"], service: "items", access: .public),
      Route("items.not", path: "/not", methods: ["GET"], service: "items", access: .public),
    ]
  }

  private static func preflight(_ path: String, _ origin: String, _ method: String, _ headers: String = "") -> String {
    "OPTIONS \(path) HTTP/1.1\r\nhost: test\r\norigin: \(origin)\r\naccess-control-request-method: \(method)\r\n"
      + "\(headers)\r\n"
  }

  @Test("a preflight is answered without token and service, for the origins and methods of the policy and no others")
  func preflights() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok("from the service") }
    let policy = try CORSPolicy(origins: ["https://app.example.org", "https://*.example.net:8443"])
    try await RunningGateway.run([upstream], routes: Self.routes(policy)) { gateway in
      let client = try await gateway.connect()
      for origin in ["https://app.example.org", "https://a.b.example.net:8443"] {
        try await client.send(
          Self.preflight("/items", origin, "POST", "access-control-request-headers: content-type\r\n"))
        let answer = try await client.response()
        #expect(answer.status == 204 && answer.header("access-control-allow-origin") == origin)
        #expect(answer.header("access-control-allow-methods") == "POST")
        #expect(answer.header("access-control-allow-headers")?.contains("idempotency-key") == true)
        #expect(answer.header("access-control-max-age") == "600" && answer.header("content-length") == nil)
        #expect(answer.head.lowercased().contains("vary: origin\r\n"))
        #expect(answer.header("access-control-allow-credentials") == nil)
      }
      let strangers = [
        "https://evil.example", "http://app.example.org", "https://app.example.org.evil.example", "null",
        "https://app.example.org:444", "https://example.net:8443", "https://.example.net:8443",
        "https://evil.example/.example.net:8443", "https://evil@x.example.net:8443", "https://aexample.net:8443",
      ]
      for origin in strangers {
        let answer = try await gateway.ask(Self.preflight("/items", origin, "GET"))
        #expect(answer.status == 403 && answer.member("code") == "origin_not_allowed", "\(origin)")
        #expect(answer.header("access-control-allow-origin") == nil && answer.header("vary") == "Origin", "\(origin)")
      }
      let unknown = try await gateway.ask(Self.preflight("/items", "https://app.example.org", "DELETE"))
      #expect(unknown.status == 405)
      #expect(upstream.requests.isEmpty)
      // Where no policy speaks, a preflight is a request like any other.
      let own = try await gateway.ask(Self.preflight("/own", "https://app.example.org", "GET"))
      #expect(own.status == 200 && own.body == "from the service" && own.header("access-control-allow-origin") == nil)
      let not = try await gateway.ask(Self.preflight("/not", "https://app.example.org", "GET"))
      #expect(not.status == 405 && upstream.requests.count == 1)
    }
  }

  @Test("answers, and refusals of the gateway's own, may be read by the policy's origins; the service has no say")
  func answers() async throws {
    let upstream = try await ScriptedUpstream { _ in
      .ok("{}", headers: "Access-Control-Allow-Origin: *\r\naccess-control-allow-credentials: true\r\nage: 3\r\n")
    }
    let policy = try CORSPolicy(
      origins: ["https://app.example.org"], exposedHeaders: ["x-total"], allowsCredentials: true)
    try await RunningGateway.run([upstream], routes: Self.routes(policy)) { gateway in
      func get(_ path: String, _ origin: String?) async throws -> RawResponse {
        try await gateway.get(path, headers: origin.map { "origin: \($0)\r\n" } ?? "")
      }
      let good = try await get("/items", "https://app.example.org")
      #expect(good.status == 200 && good.header("access-control-allow-origin") == "https://app.example.org")
      #expect(good.header("access-control-allow-credentials") == "true" && good.header("age") == "3")
      #expect(good.header("access-control-expose-headers") == "x-total" && good.header("vary") == "Origin")
      #expect(good.head.lowercased().split(separator: "access-control-allow-origin").count == 2)
      for origin in ["https://evil.example", nil] {
        let other = try await get("/items", origin)
        #expect(other.status == 200 && other.header("access-control-allow-origin") == nil)
        #expect(other.header("access-control-allow-credentials") == nil && other.header("vary") == "Origin")
      }
      let refused = try await gateway.ask(
        "POST /items HTTP/1.1\r\nhost: test\r\norigin: https://app.example.org\r\ncontent-length: 0\r\n\r\n")
      #expect(refused.status == 401)
      #expect(refused.header("access-control-allow-origin") == "https://app.example.org")
      // Without a policy the service's own words pass.
      let own = try await get("/own", "https://evil.example")
      #expect(own.header("access-control-allow-origin") == "*")
    }
  }

  @Test("for every origin nothing depends on it, and any field may be asked for that is one")
  func everyOrigin() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let policy = try CORSPolicy(origins: ["*"], methods: ["GET", "POST"], headers: ["*"], maximumAge: .zero)
    try await RunningGateway.run([upstream], routes: Self.routes(policy)) { gateway in
      let answer = try await gateway.get("/items", headers: "origin: null\r\n")
      #expect(answer.header("access-control-allow-origin") == "*" && answer.header("vary") == nil)
      let asks = "access-control-request-headers: x-mine,x-yours\r\n"
      let preflight = try await gateway.ask(Self.preflight("/items", "https://a.example", "GET", asks))
      #expect(preflight.header("access-control-allow-headers") == "x-mine,x-yours")
      #expect(preflight.header("access-control-allow-methods") == "GET, POST")
      #expect(preflight.header("access-control-max-age") == "0")
      let odd = "access-control-request-headers: x-mine; y=\"1\"\r\n"
      let without = try await gateway.ask(Self.preflight("/items", "https://a.example", "GET", odd))
      #expect(without.status == 204 && without.header("access-control-allow-headers") == nil)
    }
  }

  @Test("a policy that means nothing, or gives every page its visitors' cookies, cannot be made")
  func mistakes() {
    #expect(throws: RouteError.self) { try CORSPolicy(origins: ["*"], allowsCredentials: true) }
    #expect(throws: RouteError.self) { try CORSPolicy(origins: []) }
    for origin in [
      "app.example.org", "https://app.example.org/", "null", "https://*", "https://a.*.org", "https://", "*.org",
    ] {
      #expect(throws: RouteError.self, "\(origin)") { try CORSPolicy(origins: [origin]) }
    }
    #expect(throws: RouteError.self) { try CORSPolicy(origins: ["*"], methods: ["FETCH"]) }
    #expect(throws: RouteError.self) { try CORSPolicy(origins: ["*"], headers: ["a b"]) }
    #expect(throws: RouteError.self) { try CORSPolicy(origins: ["*"], maximumAge: .seconds(86_401)) }
    #expect(throws: Never.self) { try CORSPolicy(origins: ["http://localhost:5173", "https://[::1]:8443"]) }
  }
}
