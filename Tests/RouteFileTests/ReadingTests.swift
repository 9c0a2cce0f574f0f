import Gateway
import GravityContracts
import GravityDiscovery
import RouteFile
import Testing

@Suite("Reading a route file")
struct ReadingTests {
  @Test("every key becomes what it says")
  func everything() throws {
    let file = try MistakeTests.read(
      """
      # Comments & such are nobody's business.
      routes:
        - name: orders
          path: /orders/{id}
          hosts: [api.example.org, "*.example.com"]
          methods: [GET, POST]
          headers:
            - {name: x-plan, value: paid}
            - {name: x-beta, prefix: "a\\x26b"}
            - {name: x-old, present: false}
            - {name: x-new, present: true}
          upstreams: [http://10.0.0.7:9001, "http://[fd00::1]:9001", http://Orders.internal]
          access: {permission: "orders:read"}
          rate_limit: {limit: 100, window: 60s, by: address, shadow: true}
          timeout: 1500ms
          retries: 1
          balance: {consistent_hash: {header: x-user}, load_percent: 125}
          cors: {origins: ["https://app.example.org"], methods: [GET], credentials: true, max_age: 10m}
          compression: true
          security_headers: {frame_options: DENY}
          health: {path: /healthz, interval: 10s}
          max_body: 10MiB
          identity_headers: true
          path_parameters: true
        - name: files
          path: /files/**
          upstreams: [http://10.0.0.8:80]
          access: public
      """)
    let route = file.routes[0]
    #expect(route.name == "orders" && route.path == "/orders/{id}")
    #expect(route.hosts == ["api.example.org", "*.example.com"] && route.methods == ["GET", "POST"])
    #expect(
      route.headers == [
        .init("x-plan", .value("paid")), .init("x-beta", .prefix("a&b")), .init("x-old", .absent),
        .init("x-new", .present),
      ])
    #expect(route.access == .permission("orders:read"))
    #expect(
      route.rateLimit == RateLimit("orders", requests: 100, per: .seconds(60), by: .address, isShadow: true))
    #expect(route.balance == .consistentHash(by: .header("x-user"), loadFactor: 1.25))
    #expect(
      try route.cors
        == CORSPolicy(origins: ["https://app.example.org"], methods: ["GET"], allowsCredentials: true))
    #expect(route.compression == CompressionPolicy() && route.securityHeaders?.frameOptions == "DENY")
    #expect(file.routes[1].balance == nil && file.routes[1].cors == nil && file.routes[1].compression == nil)
    #expect(route.timeout == .milliseconds(1_500) && route.attempts == 1)
    #expect(route.health == .probe(path: "/healthz", interval: .seconds(10)))
    #expect(route.maximumBodyBytes == 10 << 20 && route.identityHeaders)
    #expect(route.takesPathParameters && !file.routes[1].takesPathParameters)
    let instances = try #require(file.instances[route.service])
    #expect(instances.map(\.id) == ["10.0.0.7:9001", "[fd00::1]:9001", "orders.internal:80"])
    #expect(
      instances.map(\.host) == ["10.0.0.7", "fd00::1", "orders.internal"] && instances.map(\.port) == [9001, 9001, 80])
    // Foreign services have no /health/ready that anybody knows of.
    #expect(file.routes[1].health == .passive && file.routes[1].attempts == nil)
  }

  @Test("an upstream of HTTP/2 is another one than that of HTTP/1.1 at the same address")
  func http2() throws {
    let file = try MistakeTests.read(
      """
      routes:
        - {name: calls, path: /calls/**, upstreams: ["h2c://10.0.0.7:9001"], access: public}
        - {name: pages, path: /pages/**, upstreams: ["http://10.0.0.7:9001"], access: public}
      """)
    let calls = try #require(file.instances[file.routes[0].service]?.first)
    let pages = try #require(file.instances[file.routes[1].service]?.first)
    #expect(calls.speaksHTTP2 && calls.host == "10.0.0.7" && calls.port == 9001)
    #expect(!pages.speaksHTTP2 && calls.id != pages.id)
  }

  @Test("routes with the same upstreams share a service, whatever their order; others have another")
  func services() throws {
    func file(_ upstreams: [String]) throws -> RouteFile {
      try MistakeTests.read(
        "routes:\n"
          + upstreams.enumerated().map { index, list in
            "  - {name: r\(index), path: /r\(index), access: public, upstreams: [\(list)]}\n"
          }.joined())
    }
    let (one, two) = ("\"http://a:1\"", "\"http://b:2\"")
    let first = try file(["\(one), \(two)", "\(two), \(one)", one])
    #expect(first.routes[0].service == first.routes[1].service && first.routes[0].service != first.routes[2].service)
    #expect(first.instances.count == 2)
    // The name tells nobody where it is, and is another as soon as it leads elsewhere.
    #expect(first.routes.allSatisfy { !$0.service.contains("a:1") })
    let second = try file([one, two])
    #expect(Set(second.instances.keys).isDisjoint(with: first.instances.keys.filter { $0.hasPrefix("r0-") }))
    let changes = first.changes(to: second)
    #expect(changes.added == [] && changes.removed == ["r2"] && changes.changed == ["r0", "r1"])
  }

  @Test("ten thousand routes are read")
  func many() throws {
    let text =
      "routes:\n"
      + (0..<10_000).map {
        "  - {name: r\($0), path: /a\($0 % 100)/b\($0), access: public, upstreams: [\"http://h\($0 % 50):1\"]}\n"
      }
      .joined()
    let file = try MistakeTests.read(text)
    #expect(file.routes.count == 10_000 && file.instances.count == 50)
  }
}
