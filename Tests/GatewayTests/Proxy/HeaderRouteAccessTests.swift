import Gateway
import GravityContracts
import Testing

@Suite("Access by the route that matched") struct HeaderRouteAccessTests {
  private static func item(
    _ name: String, _ path: String, access: Access, _ headers: [HeaderCondition] = []
  ) -> Route {
    Route(name, path: path, headers: headers, service: "items", access: access)
  }

  @Test("no header makes a protected route public that does not say so itself")
  func closed() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let routes = [
      Self.item("secret", "/secret", access: .authenticated),
      // Public siblings, elsewhere, beneath and beside.
      Self.item("open", "/open", access: .public, [.init("x-beta", .present)]),
      Self.item("below", "/secret/**", access: .public, [.init("x-beta", .present)]),
      Self.item("field", "/{name}", access: .public, [.init("x-beta", .present)]),
      Self.item("rest", "/**", access: .public),
      Self.item("admin", "/secret", access: .permission("items:write"), [.init("x-admin", .present)]),
    ]
    try await RunningGateway.run([upstream], routes: routes) { gateway in
      for headers in [
        "", "x-beta: 1\r\n", "x-beta: 1\r\nx-beta: 2\r\n", "x-admin: 1\r\n", "x-admin: 1\r\nconnection: x-admin\r\n",
        "x-original-url: /open\r\nx-beta: 1\r\n", "x-rewrite-url: /open\r\n", "x-user-id: root\r\n",
        "x_beta: 1\r\n", "x-forwarded-host: open\r\nx-beta: 1\r\n", "x-http-method-override: PUT\r\nx-beta: 1\r\n",
      ] {
        let response = try await gateway.get("/secret", headers: headers)
        #expect(response.status == 401, "\(headers)")
      }
      #expect(upstream.requests.isEmpty)
      // The one that matched decides in the other direction, too.
      let signedIn = try await gateway.get("/secret", token: "good")
      let admin = try await gateway.get("/secret", token: "good", headers: "x-admin: 1\r\n")
      let open = try await gateway.get("/open", headers: "x-beta: 1\r\n")
      #expect(signedIn.status == 200 && admin.status == 403 && open.status == 200)
      #expect(upstream.requests.count == 2)
    }
  }

  @Test("a route that says that a header makes it public is public with that header only")
  func opened() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let routes = [
      Self.item("protected", "/items", access: .authenticated),
      Self.item("preview", "/items", access: .public, [.init("x-preview", .value("yes"))]),
    ]
    try await RunningGateway.run([upstream], routes: routes) { gateway in
      for headers in [
        "", "x-preview: no\r\n", "x-preview: YES\r\n", "x-preview: yes\r\nx-preview: yes\r\n", "x-preview:\r\n",
        "x-preview: yes\r\nconnection: x-preview\r\n", "x_preview: yes\r\n", "x-preview: yes, yes\r\n",
      ] {
        let response = try await gateway.get("/items", headers: headers)
        #expect(response.status == 401, "\(headers)")
      }
      #expect(upstream.requests.isEmpty)
      let open = try await gateway.get("/items", headers: "X-Preview:yes\r\n")
      #expect(open.status == 200 && upstream.requests.first?.header("x-preview") == "yes")
      #expect(gateway.log.entries.last?.route == "preview")
    }
  }

  @Test("the limits of the route that matched apply, and requests on one connection are routed one by one")
  func onOneConnection() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let routes = [
      Route("any", path: "/items", service: "items", access: .public),
      Route(
        "small", path: "/items", headers: [.init("x-small", .present)], service: "items", access: .public,
        maximumBodyBytes: 1),
      Self.item("mine", "/items", access: .authenticated, [.init("x-mine", .present), .init("x-small", .absent)]),
    ]
    try await RunningGateway.run([upstream], routes: routes) { gateway in
      let client = try await gateway.connect()
      var statuses: [Int] = []
      for header in ["", "x-mine: 1\r\n", "", "x-mine: 1\r\nx-small: 1\r\n"] {
        try await client.send("POST /items HTTP/1.1\r\nhost: test\r\n\(header)content-length: 2\r\n\r\nab")
        let response = try await client.response()
        statuses.append(response.status)
      }
      await client.close()
      #expect(statuses == [200, 401, 200, 413])
    }
  }
}
