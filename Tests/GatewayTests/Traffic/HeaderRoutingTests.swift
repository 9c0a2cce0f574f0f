import GravityContracts
import NIOCore
import Testing

@testable import Gateway

@Suite("Routing by header fields") struct HeaderRoutingTests {
  private static func route(
    _ name: String, _ path: String = "/a", _ methods: [String]? = nil, hosts: [String]? = nil,
    _ headers: [HeaderCondition] = []
  ) -> Route {
    Route(name, path: path, methods: methods, hosts: hosts, headers: headers, service: "s", access: .public)
  }

  /// What a whole head is taken for, as the gateway reads it.
  private func match(
    _ table: RoutingTable, _ fields: String, _ path: String = "/a", _ method: String = "GET", host: String = "h"
  ) throws -> RoutingTable.Match {
    let text = "\(method) \(path) HTTP/1.1\r\nhost: \(host)\r\n\(fields)\r\n"
    var head = RequestHead()
    try Array(text.utf8).withUnsafeBytes { try head.parse($0, limits: HeadLimits()) }
    return table.match(
      ByteBuffer(string: text).readableBytesUInt8Span, path: head.target.path, method: head.method, host: head.hostName,
      fields: head.kept)
  }

  private static let long = String(repeating: "v", count: 4096)

  static let cases: [(HeaderCondition, String, Bool)] = [
    (.init("x-beta", .value("1")), "x-beta: 1\r\n", true),
    (.init("X-Beta", .value("1")), "x-bEtA:1\r\n", true),
    (.init("x-beta", .value("1")), "x-beta: \t 1 \t\r\n", true),
    (.init("x-beta", .value("1")), "", false),
    (.init("x-beta", .value("1")), "x-beta:\r\n", false),
    (.init("x-beta", .value("1")), "x-beta: 11\r\n", false),
    (.init("x-beta", .value("11")), "x-beta: 1\r\n", false),
    (.init("x-beta", .value("on")), "x-beta: ON\r\n", false),
    (.init("x-beta", .value("1")), "a: b\r\nx-beta: 1\r\nc: d\r\n", true),
    // Names that only look alike, and the name as a value.
    (.init("x-beta", .value("1")), "x-beta2: 1\r\nyx-beta: 1\r\nx-bet: 1\r\nx: x-beta: 1\r\n", false),
    (.init("x-beta", .value("1")), "x_beta: 1\r\n", false),
    (.init("x-beta", .value("1: 2")), "x-beta: 1: 2\r\n", true),
    // Several lines are one value (RFC 9110 §5.3).
    (.init("x-beta", .value("1")), "x-beta: 1\r\nx-beta: 1\r\n", false),
    (.init("x-beta", .value("1")), "x-beta: 2\r\nx-beta: 1\r\n", false),
    (.init("x-beta", .value("1")), "x-beta: 1\r\nx-beta:\r\n", false),
    (.init("x-beta", .value("1, 2")), "x-beta: 1\r\nother: 3\r\nX-BETA: 2\r\n", true),
    (.init("x-beta", .value("1, 2")), "x-beta: 1, 2\r\n", true),
    (.init("x-beta", .value("1, 2")), "x-beta: 1\r\nx-beta: 2\r\nx-beta: 3\r\n", false),
    (.init("x-beta", .value("1, 2")), "x-beta: 2\r\nx-beta: 1\r\n", false),
    (.init("x-beta", .value("é")), "x-beta: é\r\n", true),
    (.init("x-beta", .value("é")), "x-beta: e\u{301}\r\n", false),
    (.init("x-beta", .value(long)), "x-beta: \(long)\r\n", true),
    (.init("x-beta", .value(long)), "x-beta: \(long)v\r\n", false),
    (.init("x-beta", .prefix("v2")), "x-beta: v2\r\n", true),
    (.init("x-beta", .prefix("v2")), "x-beta: v2.1\r\n", true),
    (.init("x-beta", .prefix("v2")), "x-beta: v\r\n", false),
    (.init("x-beta", .prefix("v2")), "x-beta: V2\r\n", false),
    (.init("x-beta", .prefix("v2")), "x-beta: v1\r\nx-beta: v2\r\n", false),
    (.init("x-beta", .prefix("v2")), "x-beta: v2\r\nx-beta: v1\r\n", true),
    (.init("x-beta", .prefix("a, b")), "x-beta: a\r\nx-beta: bc\r\n", true),
    (.init("x-beta", .prefix("a, b")), "x-beta: a\r\n", false),
    (.init("authorization", .prefix("Bearer ")), "authorization: Bearer x\r\n", true),
    (.init("authorization", .prefix("Bearer ")), "authorization: Bearer\r\n", false),
    (.init("x-beta", .present), "x-beta:\r\n", true),
    (.init("x-beta", .present), "x-beta: a\r\nx-beta: b\r\n", true),
    (.init("x-beta", .present), "x-bet: a\r\n", false),
    (.init("x-beta", .absent), "", true),
    (.init("x-beta", .absent), "x-beta:\r\n", false),
    (.init("x-beta", .absent), "x-bet: a\r\n", true),
    // What Connection names is not told the service, so it is not there (RFC 9110 §7.6.1).
    (.init("x-beta", .present), "connection: x-beta\r\nx-beta: 1\r\n", false),
    (.init("x-beta", .value("1")), "x-beta: 1\r\nconnection: close, X-Beta\r\n", false),
    (.init("x-beta", .absent), "x-beta: 1\r\nconnection: x-beta\r\n", true),
  ]

  @Test("a condition holds for the fields that it means and no others", arguments: cases.indices)
  func conditions(_ index: Int) throws {
    let (condition, fields, holds) = Self.cases[index]
    let table = try RoutingTable(routes: [Self.route("0", "/a", [condition])])
    #expect(try match(table, fields) == (holds ? .found(.route(0)) : .notFound), "\(condition) \(fields)")
    // And where there is another route for the rest.
    let both = try RoutingTable(routes: [Self.route("0", "/a"), Self.route("1", "/a", [condition])])
    #expect(try match(both, fields) == .found(.route(holds ? 1 : 0)), "\(condition) \(fields)")
  }

  @Test("all conditions of a route have to hold, each of sixteen")
  func all() throws {
    let conditions = (0..<16).map { HeaderCondition("f\($0)", .value("\($0)")) }
    let table = try RoutingTable(routes: [Self.route("0", "/a", conditions)])
    let lines = (0..<16).map { "F\($0): \($0)\r\n" }
    #expect(try match(table, lines.reversed().joined()) == .found(.route(0)))
    for missing in 0..<16 {
      var fewer = lines
      fewer.remove(at: missing)
      #expect(try match(table, fewer.joined()) == .notFound, "\(missing)")
    }
  }

  @Test("path before host, host before method, method before the number of conditions, in whatever order they are told")
  func precedence() throws {
    let (one, two) = (HeaderCondition("x", .present), HeaderCondition("y", .present))
    // From the one that goes first to the one that goes last.
    let routes = [
      Self.route("literal", "/a/b"),
      Self.route("host", "/a/{f}", hosts: ["api.example.org"]),
      Self.route("longer wildcard", "/a/{f}", hosts: ["*.example.org"]),
      Self.route("wildcard", "/a/{f}", hosts: ["*.org"]),
      Self.route("method and two", "/a/{f}", ["GET"], [one, two]),
      Self.route("method and one", "/a/{f}", ["GET"], [one]),
      Self.route("method", "/a/{f}", ["GET"]),
      Self.route("two", "/a/{f}", [one, two]),
      Self.route("one", "/a/{f}", [one]),
      Self.route("any", "/a/{f}"),
      Self.route("rest and two", "/a/**", [one, two]),
      Self.route("rest", "/a/**"),
    ]
    let fields = "x: 1\r\ny: 1\r\n"
    for rotation in routes.indices {
      for order in [routes, routes.reversed()] {
        let told = Array(order[rotation...] + order[..<rotation])
        // Each goes first once those before it are gone.
        for (first, expected) in routes.enumerated() {
          let left = told.filter { route in routes[first...].contains { $0.name == route.name } }
          let found = try match(RoutingTable(routes: left), fields, "/a/b", host: "api.example.org")
          guard case .found(.route(let index)) = found else {
            Issue.record("\(expected.name): \(found)")
            continue
          }
          #expect(left[index].name == expected.name)
        }
      }
    }
  }

  @Test("a route whose headers do not fit hides nothing, and its methods are not offered")
  func fallThrough() throws {
    let beta = [HeaderCondition("x-beta", .present)]
    let table = try RoutingTable(routes: [
      Self.route("0", "/a/b", ["GET"], beta), Self.route("1", "/a/{f}", ["DELETE"]),
      Self.route("2", "/c", ["GET"], beta),
      Self.route("3", "/c", ["PUT"]),
    ])
    #expect(try match(table, "x-beta: 1\r\n", "/a/b") == .found(.route(0)))
    #expect(try match(table, "", "/a/b") == .methodNotAllowed(allow: "DELETE"))
    #expect(try match(table, "x-beta: 1\r\n", "/a/b", "PUT") == .methodNotAllowed(allow: "GET, HEAD, DELETE"))
    #expect(try match(table, "", "/a/b", "DELETE") == .found(.route(1)))
    #expect(try match(table, "x-beta: 1\r\n", "/c", "HEAD") == .found(.route(2)))
    #expect(try match(table, "", "/c", "HEAD") == .methodNotAllowed(allow: "PUT"))
    #expect(try match(try RoutingTable(routes: [Self.route("0", "/a", ["GET"], beta)]), "", "/a", "PUT") == .notFound)
  }

  @Test("routes that differ in their headers only are taken where no request fits two that rank alike")
  func distinct() throws {
    func pair(_ one: [HeaderCondition], _ other: [HeaderCondition]) throws -> RoutingTable {
      try RoutingTable(routes: [Self.route("0", "/a", ["GET"], one), Self.route("1", "/a", ["GET"], other)])
    }
    for (one, other) in [
      ([HeaderCondition("x", .value("1"))], [HeaderCondition("x", .value("2"))]),
      ([.init("x", .value("1"))], [.init("X", .absent)]), ([.init("x", .present)], [.init("x", .absent)]),
      ([.init("x", .prefix("ab"))], [.init("x", .prefix("b"))]),
      ([.init("x", .prefix("ab"))], [.init("x", .value("a"))]),
      ([.init("x", .present), .init("y", .value("1"))], [.init("y", .value("2")), .init("z", .present)]),
      ([.init("x", .present)], [.init("x", .present), .init("y", .present)]), ([], [.init("x", .present)]),
      ([.init("x", .present)], [.init("y", .present), .init("x", .absent)]),
    ] {
      _ = try pair(one, other)
      _ = try pair(other, one)
    }
    let plans = try pair([.init("x-plan", .value("free"))], [.init("x-plan", .value("paid"))])
    #expect(try match(plans, "x-plan: free\r\n") == .found(.route(0)))
    #expect(try match(plans, "x-plan: paid\r\n") == .found(.route(1)))
    for neither in [
      "", "x-plan: free\r\nx-plan: paid\r\n", "x-plan: paid\r\nx-plan: free\r\n", "x-plan: free,paid\r\n",
    ] {
      #expect(try match(plans, neither) == .notFound, "\(neither)")
    }
  }

  @Test("two routes between which nothing decides are refused, and the message names both")
  func ambiguous() {
    for (one, other) in [
      ([HeaderCondition("x", .value("1"))], [HeaderCondition("X", .value("1"))]),
      ([.init("x", .value("1"))], [.init("y", .value("1"))]), ([.init("x", .present)], [.init("x", .value("1"))]),
      ([.init("x", .absent)], [.init("x", .absent)]), ([.init("x", .absent)], [.init("y", .absent)]),
      ([.init("x", .prefix("ab"))], [.init("x", .prefix("a"))]),
      ([.init("x", .prefix("a"))], [.init("x", .value("ab"))]),
      ([.init("x", .value("1")), .init("y", .present)], [.init("y", .present), .init("x", .value("1"))]),
    ] {
      for order in [[one, other], [other, one]] {
        let error = #expect(throws: RouteError.self, "\(one) \(other)") {
          try RoutingTable(routes: [
            Self.route("first", "/a/{x}", ["GET", "POST"], order[0]), Self.route("second", "/a/{y}", ["GET"], order[1]),
          ])
        }
        #expect(error?.description.hasPrefix("second: ") == true && error?.description.contains("\"first\"") == true)
        #expect(error?.description.contains("\(one.count) header conditions") == true)
      }
    }
    // Elsewhere they are no trouble.
    #expect(throws: Never.self) {
      try RoutingTable(routes: [
        Self.route("0", "/a", [.init("x", .present)]), Self.route("1", "/b", [.init("y", .present)]),
        Self.route("2", "/a", ["GET"], [.init("y", .present)]), Self.route("3", "/a", ["PUT"], [.init("x", .present)]),
        Self.route("4", "/a", hosts: ["h"], [.init("y", .present)]),
      ])
    }
  }

  @Test("a condition that means nothing, or on a field that no service sees, is refused when the gateway is made")
  func meaningless() {
    let names = [
      "", "x beta", "x:beta", "x\r\ny", "é", "x_beta", String(repeating: "x", count: 257), "Host", "connection", "TE",
      "transfer-encoding", "upgrade", "expect", "keep-alive", "proxy-authorization", "x-forwarded-for", "forwarded",
      "X-User-Id", "x-user-roles", "x-gravity-anything", "x-request-id", "traceparent", "x-original-url",
    ]
    for condition in names.map({ HeaderCondition($0, .present) }) + [
      .init("x", .value("")), .init("x", .prefix("")), .init("x", .value(" a")), .init("x", .value("a ")),
      .init("x", .prefix(" a")), .init("x", .prefix(" ")), .init("x", .value("a\r\nb: c")), .init("x", .value("a\0")),
      .init("x", .value(Self.long + "v")), .init("x", .prefix("a\u{7F}")),
    ] {
      let error = #expect(throws: RouteError.self, "\(condition)") {
        try RoutingTable(routes: [Self.route("mine", "/a", [condition])])
      }
      #expect(error?.description.hasPrefix("mine: ") == true)
    }
    for headers in [
      (0..<17).map { HeaderCondition("f\($0)", .present) },
      [HeaderCondition("x", .present), HeaderCondition("X", .prefix("a"))],
    ] { #expect(throws: RouteError.self) { try RoutingTable(routes: [Self.route("0", "/a", headers)]) } }
  }

  @Test("what the gateway answers itself no route takes, whatever its conditions")
  func local() {
    for route in [
      Self.route("0", "/health"), Self.route("0", "/health", ["GET"]),
      Self.route("0", "/health", ["GET"], [.init("x", .present)]), Self.route("0", "/health", [.init("x", .present)]),
    ] { #expect(throws: RouteError.self) { try RoutingTable(routes: [route], local: ["/health"]) } }
  }
}

extension HeaderRoutingTests {
  /// As ``route(_:_:_:hosts:_:)``, of any method.
  fileprivate static func route(_ name: String, _ path: String, _ headers: [HeaderCondition]) -> Route {
    Route(name, path: path, headers: headers, service: "s", access: .public)
  }
}
