import GravityContracts
import Testing

@testable import Gateway

@Suite("Security headers") struct SecurityHeaderTests {
  @Test("they are set where the service did not, those of pages for pages alone, and nothing twice")
  func defaults() async throws {
    let upstream = try await ScriptedUpstream { request in
      switch request.header("x-case") {
      case "page": return .ok("<p>", headers: "Content-Type: text/html; charset=utf-8\r\n")
      case "own":
        return .ok(
          "<p>",
          headers: "content-type: text/html\r\nX-Frame-Options: DENY\r\nContent-Security-Policy: default-src 'none'\r\n"
            + "referrer-policy: no-referrer\r\nstrict-transport-security: max-age=5\r\n")
      default: return .ok()
      }
    }
    try await RunningGateway.run(
      [upstream], configure: { $0.trustedProxies = [CIDR("127.0.0.0/8")].compactMap(\.self) }
    ) { gateway in
      let plain = try await gateway.get("/items")
      #expect(plain.header("x-content-type-options") == "nosniff")
      #expect(plain.header("referrer-policy") == "strict-origin-when-cross-origin")
      #expect(plain.header("x-frame-options") == nil && plain.header("content-security-policy") == nil)
      #expect(plain.header("strict-transport-security") == nil)
      let page = try await gateway.get("/items", headers: "x-case: page\r\nx-forwarded-proto: https\r\n")
      #expect(page.header("x-frame-options") == "SAMEORIGIN")
      #expect(page.header("content-security-policy") == "frame-ancestors 'self'")
      #expect(page.header("strict-transport-security") == "max-age=31536000")
      let own = try await gateway.get("/items", headers: "x-case: own\r\nx-forwarded-proto: https\r\n")
      for (name, value) in [
        ("x-frame-options", "DENY"), ("content-security-policy", "default-src 'none'"),
        ("referrer-policy", "no-referrer"), ("strict-transport-security", "max-age=5"),
        ("x-content-type-options", "nosniff"),
      ] {
        #expect(own.header(name) == value)
        #expect(own.head.lowercased().components(of: "\(name):") == 1, "\(name)")
      }
      let refusal = try await gateway.get("/nowhere", headers: "x-forwarded-proto: https\r\n")
      #expect(refusal.status == 404 && refusal.header("x-content-type-options") == "nosniff")
      #expect(refusal.header("strict-transport-security") != nil)
      let local = try await gateway.get("/health/live")
      #expect(local.header("x-content-type-options") == "nosniff")
    }
  }

  @Test("a route may set others, or none; who is no trusted proxy cannot say that it came over TLS")
  func byRoute() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok("<p>", headers: "content-type: text/html\r\n") }
    var headers = SecurityHeaders()
    headers.frameOptions = "DENY"
    headers.contentSecurityPolicy = nil
    let routes = [
      Route("items.none", path: "/none", service: "items", access: .public, securityHeaders: SecurityHeaders.none),
      Route("items.other", path: "/other", service: "items", access: .public, securityHeaders: headers),
    ]
    try await RunningGateway.run([upstream], routes: routes) { gateway in
      let none = try await gateway.get("/none")
      #expect(none.header("x-content-type-options") == nil && none.header("x-frame-options") == nil)
      let other = try await gateway.get("/other", headers: "x-forwarded-proto: https\r\n")
      #expect(other.header("x-frame-options") == "DENY" && other.header("content-security-policy") == nil)
      #expect(other.header("strict-transport-security") == nil)
    }
    headers.referrerPolicy = "no\r\nreferrer"
    let broken = Route("r", path: "/r", service: "items", access: .public, securityHeaders: headers)
    #expect(throws: RouteError.self) { try RoutingTable(routes: [broken]) }
  }
}

extension String {
  fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
