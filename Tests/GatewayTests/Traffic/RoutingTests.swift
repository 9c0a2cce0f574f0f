import GravityContracts
import NIOCore
import Testing

@testable import Gateway

@Suite("Routing") struct RoutingTests {
  private func route(_ name: String, _ path: String, _ methods: [String]? = nil, hosts: [String]? = nil) -> Route {
    Route(name, path: path, methods: methods, hosts: hosts, service: "s", access: .public)
  }

  private func match(
    _ table: RoutingTable, _ path: String, _ method: RequestMethod = .get, host: String = "h"
  ) -> RoutingTable.Match {
    let (start, end) = (host.utf8.count, host.utf8.count + path.utf8.count)
    return table.match(
      ByteBuffer(string: host + path).readableBytesUInt8Span, path: ByteRange(start, end), method: method,
      host: ByteRange(0, start), fields: HeaderRuns())
  }

  @Test("a literal goes before a field, a field before the rest, and there is a way back")
  func precedence() throws {
    let table = try RoutingTable(routes: [
      route("0", "/a/{x}"), route("1", "/a/b"), route("2", "/a/**"), route("3", "/a/b/c"), route("4", "/a/{x}/d"),
      route("5", "/"),
    ])
    for (path, index) in [("/a/b", 1), ("/a/x", 0), ("/a/b/c", 3), ("/a/b/d", 4), ("/a/b/e", 2), ("/a/", 2), ("/", 5)] {
      #expect(match(table, path) == .found(.route(index)), "\(path)")
    }
    #expect(match(table, "") == .found(.route(5)))
    #expect(match(table, "/a") == .notFound && match(table, "/b") == .notFound && match(table, "/A/b") == .notFound)
  }

  @Test("no path at all is the root, as `/` is")
  func root() throws {
    let all = try RoutingTable(routes: [route("0", "/**", ["GET"]), route("1", "/a")])
    #expect(match(all, "") == .found(.route(0)) && match(all, "/") == .found(.route(0)))
    #expect(match(all, "", .post) == .methodNotAllowed(allow: "GET, HEAD"))
    let both = try RoutingTable(routes: [route("0", "/**"), route("1", "/", ["GET"])])
    #expect(match(both, "") == .found(.route(1)) && match(both, "", .post) == .found(.route(0)))
    let none = try RoutingTable(routes: [route("0", "/a/**"), route("1", "/{x}")])
    #expect(match(none, "") == .notFound && match(none, "/") == .notFound)
  }

  @Test("each of thousands of segments beside one another is found, and nothing between them")
  func manySegments() throws {
    let names = (0..<3_000).map { String($0 * 7_919 % 3_001, radix: 36) }
    let table = try RoutingTable(routes: names.map { route($0, "/\($0)") })
    for (index, name) in names.enumerated() {
      #expect(match(table, "/\(name)") == .found(.route(index)), "\(name)")
      #expect(match(table, "/\(name)-") == .notFound && match(table, "/-\(name)") == .notFound)
    }
    #expect(match(table, "/") == .notFound)
  }

  @Test("a known path with another method lists what it takes, and HEAD goes where GET goes")
  func methods() throws {
    let table = try RoutingTable(routes: [route("0", "/a", ["GET"]), route("1", "/a", ["POST", "DELETE"])])
    #expect(match(table, "/a", .post) == .found(.route(1)) && match(table, "/a", .head) == .found(.route(0)))
    #expect(match(table, "/a", .put) == .methodNotAllowed(allow: "GET, HEAD, POST, DELETE"))
  }

  @Test("a route that names the host goes before one that does not")
  func hosts() throws {
    let table = try RoutingTable(routes: [
      route("0", "/a"), route("1", "/a", hosts: ["api.example.org"]), route("2", "/a", hosts: ["*.example.org"]),
    ])
    #expect(match(table, "/a", host: "other") == .found(.route(0)))
    #expect(match(table, "/a", host: "x.Example.org") == .found(.route(2)))
    #expect(match(table, "/a", host: "example.org") == .found(.route(0)))
    #expect(match(table, "/a", host: "API.example.org") == .found(.route(1)), "the narrower host, not the later route")
  }

  @Test("each of thousands of hosts of one path is found by as many looks as halving takes, and nothing between them")
  func manyHosts() throws {
    let count = 3_000
    // Whole names and ends of names by turns, of many lengths.
    let hosts = (0..<count).map { index in
      let name = String(index * 7_919 % 3_001, radix: 36) + ".example.org"
      return index % 2 == 0 ? name : "*.\(name)"
    }
    let table = try RoutingTable(
      routes: hosts.enumerated().map { route("\($0)", "/a", hosts: [$1]) } + [route("any", "/a")])
    var most = 0
    for (index, host) in hosts.enumerated() {
      let asked = host.replacing("*", with: "X.y")
      #expect(match(table, "/a", host: asked) == .found(.route(index)), "\(host)")
      #expect(match(table, "/a", host: asked.uppercased()) == .found(.route(index)), "\(host)")
      for other in ["-\(asked)", "\(asked)-"] where !host.hasPrefix("*") {
        #expect(match(table, "/a", host: other) == .found(.route(count)), "\(other)")
      }
      most = max(most, looks(table, host: asked))
    }
    // Eleven are log₂ of each kind's number; a host is looked for as a whole, and by four ends at most.
    #expect(most > 0 && most <= 5 * 11, "\(most)")
    // However many it has: the longest end that is known has no more.
    #expect(looks(table, host: String(repeating: "a.", count: 30_000) + "example.org") <= 5 * 11)
    #expect(match(table, "/a", host: "example.org") == .found(.route(count)))
    #expect(match(table, "/a", host: "") == .found(.route(count)))
  }

  /// Names of hosts that are looked at before it is clear which fit.
  private func looks(_ table: RoutingTable, host: String) -> Int {
    let bytes = ByteBuffer(string: host)
    var walk = HostTable.Walk(ByteRange(0, host.utf8.count))
    while table.hosts[0].next(&walk, bytes.readableBytesUInt8Span) != nil {}
    return walk.looked
  }

  @Test(
    "of the hosts that fit the narrowest takes the request, and one whose method does not fit leaves it to the next")
  func nestedHosts() throws {
    let table = try RoutingTable(routes: [
      route("0", "/a", hosts: ["*.org"]), route("1", "/a", ["POST"], hosts: ["*.b.org", "c.b.org"]),
      route("2", "/a", ["PUT"]), route("3", "/a", ["GET"], hosts: ["c.b.org"]), route("4", "/**", hosts: ["*.b.org"]),
      route("5", "/a", hosts: ["[::1]"]), route("6", "/a", ["GET", "PUT"], hosts: ["*.net"]),
    ])
    #expect(match(table, "/a", host: "c.b.org") == .found(.route(3)))
    #expect(match(table, "/a", .post, host: "c.b.org") == .found(.route(1)))
    #expect(match(table, "/a", .post, host: "x.c.b.org") == .found(.route(1)))
    #expect(match(table, "/a", host: "x.c.b.org") == .found(.route(0)), "the wider host, of the narrower path")
    #expect(match(table, "/a", .delete, host: "c.b.org") == .found(.route(0)))
    #expect(match(table, "/b", .delete, host: "c.b.org") == .found(.route(4)))
    #expect(
      match(table, "/a", .put, host: "org") == .found(.route(2)) && match(table, "/b", host: "b.org") == .notFound)
    #expect(match(table, "/a", host: "[::1]") == .found(.route(5)))
    #expect(match(table, "/a", .delete, host: "a.net") == .methodNotAllowed(allow: "GET, HEAD, PUT"))
  }

  @Test("routes that mean nothing or take the same requests are refused when the gateway is made")
  func errors() {
    for routes in [
      [route("0", "a")], [route("0", "/a//b")], [route("0", "/a/**/b")], [route("0", "/a{x}")],
      [route("0", "/a", ["FETCH"])], [route("0", "/a"), route("1", "/a")],
      [route("0", "/a", ["GET", "PUT"]), route("1", "/a", ["GET"])],
      [Route("0", path: "/a", service: "s", access: .service)],
      [route("0", "/{x}"), route("1", "/{y}")], [route("0", "/a", hosts: ["a b"])],
      [route("0", "/a", hosts: ["*.b", "a.b"]), route("1", "/a", hosts: ["A.b"])],
      [route("0", "/a", hosts: ["a.b", "*.b"]), route("1", "/a", hosts: ["*.B"])],
    ] { #expect(throws: RouteError.self) { try RoutingTable(routes: routes) } }
  }

  @Test("endpoints become routes, those between services do not")
  func endpoints() {
    let routes = Route.routes(
      for: "auth",
      endpoints: [
        Endpoint<Empty, Empty>("signOut", .post, "/api/v1/sessions/{id}", access: .authenticated),
        Endpoint<Empty, Empty>("internal", .get, "/api/v1/revocations", access: .service),
      ])
    #expect(routes.map(\.name) == ["auth.signOut"] && routes[0].methods == ["POST"])
    #expect(routes[0].service == "auth" && routes[0].access == .authenticated)
  }
}
