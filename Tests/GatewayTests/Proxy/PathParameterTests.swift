import Gateway
import GravityContracts
import Testing

@Suite("Path parameters") struct PathParameterTests {
  /// As before one Tomcat, which looks up `/admin;x/7` as `/admin/7`.
  private static func routes(taken: Bool) -> [Route] {
    var all = [
      Route("admin", path: "/admin/**", service: "items", access: .authenticated),
      Route("me", path: "/users/me", service: "items", access: .authenticated),
      Route("user", path: "/users/{id}", service: "items", access: .public),
      Route("rest", path: "/**", service: "items", access: .public),
    ]
    for index in all.indices { all[index].takesPathParameters = taken }
    return all
  }

  @Test(
    "no parameter gets round a protected route, also where all routes take them",
    arguments: [
      "/admin;x/7", "/admin;/7", "/admin;x=1;y=2/7", "/admin%3Bx/7", "/admin%3bx/7", "/users/me;x", "/users/me%3B",
      "/admin;x/7;y",
    ])
  func attacks(_ path: String) async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], routes: Self.routes(taken: true)) { gateway in
      let response = try await gateway.get(path)
      #expect(response.status == 400 && response.member("code") == "path_not_normal")
      #expect(upstream.requests.isEmpty)
    }
  }

  @Test("a route that takes parameters passes them on as they came, and protects what it protects")
  func taken() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], routes: Self.routes(taken: true)) { gateway in
      for path in ["/files/a;v=1/b", "/users/42;x", "/a%3Bb.txt", "/cart;jsessionid=1?a;b"] {
        let status = try await gateway.get(path).status
        #expect(status == 200, "\(path)")
        #expect(upstream.requests.last?.head.hasPrefix("GET \(path) HTTP/1.1") == true, "\(path)")
      }
      let anonymous = try await gateway.get("/admin/7;x")
      let known = try await gateway.get("/admin/7;x", token: "good")
      #expect(anonymous.status == 401 && known.status == 200)
    }
  }

  @Test("no route takes them unless it says so; a query may have what it likes")
  func untaken() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], routes: Self.routes(taken: false)) { gateway in
      for path in ["/files/a;v=1/b", "/a%3Bb.txt"] {
        let response = try await gateway.get(path)
        #expect(response.status == 400 && response.member("code") == "path_not_normal", "\(path)")
      }
      let query = try await gateway.get("/files/a?b;c%3B")
      #expect(query.status == 200 && upstream.requests.count == 1)
    }
  }

  @Test("a route's own path has none", arguments: ["/a;b", "/a/b%3Bc", "/a%3b/**"])
  func refused(_ path: String) {
    let route = Route("r", path: path, service: "items", access: .public)
    #expect(throws: RouteError.self) { try Route.check([route]) }
  }
}
