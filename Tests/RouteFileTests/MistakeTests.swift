import Gateway
import Testing

@testable import RouteFile

@Suite("Mistakes in a route file")
struct MistakeTests {
  /// One route with a line that is wrong, which is the sixth.
  static let lines: [(line: String, column: Int, text: String)] = [
    ("timeot: 3s", 5, #""timeot" is no key of a route; expected name, path"#),
    ("timeout: 3", 14, #""3"; expected a duration from 1ms to 1h, such as 500ms, 30s or 15m"#),
    ("timeout: 2h", 14, #""2h"; expected a duration"#),
    ("timeout: [3s]", 14, "a list; expected a duration"),
    ("timeout:", 13, "nothing; expected a duration"),
    ("retries: 0", 14, #""0"; expected a whole number from 1 to 10"#),
    ("retries: '3'", 14, #""3"; expected a whole number"#),
    ("retries: 3.0", 14, #""3.0"; expected a whole number"#),
    ("methods: GET", 14, #""GET"; expected a list of 1 to 7 methods"#),
    ("methods: [GET, FETCH]", 20, #""FETCH"; expected GET, HEAD"#),
    ("methods: [GET, GET]", 20, #""GET" stands twice"#),
    ("methods: []", 14, "a list; expected a list of 1 to 7 methods"),
    ("hosts: [\"a b\"]", 13, #""a b"; expected a host"#),
    ("hosts: [true]", 13, "true without quotes is no text"),
    ("hosts: [*.example.org]", 14, "a text that begins with * goes in quotes"),
    ("rate_limit: {limit: 3}", 17, "rate_limit without window"),
    ("rate_limit: {limit: 0, window: 1s}", 25, #""0"; expected a whole number"#),
    ("rate_limit: {limit: 1, lmit: 3, window: 1s}", 28, #""lmit" is no key of rate_limit; expected limit, window, by"#),
    ("rate_limit: 3", 17, #""3"; expected rate_limit: a mapping"#),
    ("rate_limit: {limit: 3, window: 1s, by: user}", 44, #""user"; expected caller, address, credential or everyone"#),
    ("balance: fastest", 14, #""fastest"; expected peak_ewma, round_robin"#),
    ("balance: {consistent_hash: everything}", 32, #""everything"; expected client, {header: NAME}"#),
    ("balance: {consistent_hash: client, load_percent: 90}", 54, #""90"; expected a whole number from 101"#),
    ("cors: {methods: [GET]}", 11, "cors without origins"),
    ("cors: {origins: [example.org]}", 11, #"CORS: "example.org" is no origin"#),
    ("cors: {origins: ['*'], credentials: true}", 11, "CORS: credentials are not for every origin"),
    ("compression: gzip", 18, #""gzip"; expected true or false"#),
    ("security_headers: true", 23, #""true"; expected security_headers: a mapping"#),
    ("health: {path: healthz}", 20, #""healthz"; expected a path such as /healthz"#),
    ("health: {path: /healthz, interval: 1ms}", 40, #""1ms"; expected a duration"#),
    ("health: active", 13, #""active"; expected passive, or {path"#),
    ("max_body: 3 MB", 15, #""3 MB"; expected a number of bytes"#),
    ("identity_headers: yes", 23, #""yes"; expected true or false"#),
    ("headers: [{name: x-plan}]", 15, "0 rules in one condition; expected one of value, prefix or present"),
    ("headers: [{name: x-plan, value: a, prefix: b}]", 15, "2 rules in one condition"),
    ("headers: [{value: a}]", 15, "a header condition without name"),
    ("timeout: &t 3s", 14, "an anchor; expected the value itself"),
    ("timeout: *t", 14, "found undefined alias"),
    ("name: again", 5, #""name" stands twice in one mapping"#),
    ("timeout: \"3s", 14, "this is no YAML"),
    ("\ttimeout: 3s", 5, "this is no YAML"),
  ]

  @Test("each is told with its line and column, and with what was expected", arguments: lines)
  func each(_ line: String, _ column: Int, _ text: String) throws {
    let file = """
      routes:
        - name: orders
          path: /orders/**
          upstreams: [http://127.0.0.1:9001]
          access: public
          \(line)

      """
    let error = try #require(throws: RouteFileError.self) { try Self.read(file) }
    // A mapping's duplicate is told where the key stands first, and what never ends where the file does.
    let place = error.mistakes[0].place
    let isElsewhere = text.contains("stands twice in one") || text == "this is no YAML"
    #expect(isElsewhere || place == Place(line: 6, column: column), "\(error)")
    #expect("\(error)".hasPrefix("routes.yaml:\(place.line):\(place.column): "), "\(error)")
    #expect("\(error)".contains(text), "\(error)")
  }

  static let values: [(key: String, value: String, text: String)] = [
    ("name", "\"\"", "expected a name of 1 to 64"), ("name", "a/b", "expected a name"),
    ("name", "12", "12 without quotes is no text"), ("name", "~", "nothing; expected a name"),
    ("path", "orders", "expected a path such as"), ("path", "/a//b", "expected a path"),
    ("path", "/a/../b", "expected a path"), ("path", "/a/%2e", "expected a path"),
    ("path", "/a/%2Fb", "expected a path"),
    ("path", "/a;b", "expected a path"), ("path", "/a%3bb", "expected a path"),
    ("path", "/a?b", "expected a path"), ("path", "\"/a b\"", "expected a path"),
    ("path", "/a/x{id}", "expected a path"),
    ("path", "/a/**/b", "expected a path"), ("path", "/ä", "expected a path"),
    ("path", "/health", "the gateway itself answers these requests"),
    ("path", "/metrics", "the gateway itself answers these requests"),
    ("access", "everybody", "expected public, authenticated, or {permission"),
    ("access", "{permission: orders}", "expected RESOURCE:ACTION"),
    ("access", "{permission: \"*:*\"}", "expected RESOURCE"),
    ("access", "{role: admin}", "\"role\" is no key of access; expected permission"),
    ("upstreams", "[]", "a list of 1 to 256 upstreams"), ("upstreams", "http://a:1", "a list of 1 to 256 upstreams"),
    ("upstreams", "[https://a:1]", "TLS to upstreams is not spoken"),
    ("upstreams", "[a:1]", "expected http://HOST:PORT, or h2c://HOST:PORT"),
    ("upstreams", "[h2c://a:0]", "expected http"),
    ("upstreams", "[h2c://a:1, h2c://a:1]", "stands twice"),
    ("upstreams", "[http://a:0]", "expected http"), ("upstreams", "[http://a:65536]", "expected http"),
    ("upstreams", "[http://a:1/x]", "expected http"), ("upstreams", "[http://u@a:1]", "expected http"),
    ("upstreams", "[\"http://[::1:80\"]", "expected http"),
    ("upstreams", "[\"http://[10.0.0.1]:80\"]", "expected http"),
    ("upstreams", "[http://a:1, http://a:1]", "stands twice"), ("upstreams", "[http://]", "expected http"),
  ]

  @Test("a required value that is wrong is told, and so is one that is missing", arguments: values)
  func required(_ key: String, _ value: String, _ text: String) throws {
    let right = [
      ("name", "orders"), ("path", "/orders"), ("upstreams", "[http://127.0.0.1:9001]"), ("access", "public"),
    ]
    func file(_ lines: [(String, String)]) -> String {
      "routes:\n" + lines.enumerated().map { "  \($0 == 0 ? "-" : " ") \($1.0): \($1.1)\n" }.joined()
    }
    let wrong = try #require(throws: RouteFileError.self) {
      try Self.read(file(right.map { $0.0 == key ? (key, value) : $0 }))
    }
    #expect("\(wrong)".contains(text), "\(wrong)")
    let line = 2 + right.firstIndex { $0.0 == key }!
    #expect(wrong.mistakes[0].place.line == line, "\(wrong)")
    let missing = try #require(throws: RouteFileError.self) { try Self.read(file(right.filter { $0.0 != key })) }
    #expect("\(missing)" == "routes.yaml:2:5: a route without \(key); expected \(key): …")
    #expect(try Self.read(file(right)).routes.count == 1)
  }

  @Test("all mistakes of a file are told at once, in their order")
  func together() throws {
    let error = try #require(throws: RouteFileError.self) {
      try Self.read(
        """
        routes:
          - name: a
            path: /a
            upstreams: [http://127.0.0.1:9001]
            access: authenticated
            timeout: soon
          - name: a
            path: b
            upstreams: [ftp://x]
            access: public
        owner: me
        """, checksTokens: false)
    }
    #expect(
      error.mistakes.map(\.place.line) == [5, 6, 7, 8, 9, 11],
      "\(error)")
    #expect(
      "\(error)".contains("routes.yaml:5:13: a protected route, and nothing to check tokens with; expected --jwks"))
    #expect("\(error)".contains("routes.yaml:7:11: \"a\" is the name of the route in line 2, too"))
    #expect("\(error)".contains("routes.yaml:11:1: \"owner\" is no key of the file; expected routes"))
  }

  @Test("routes that contradict are each told, with the line of the other")
  func contradictions() throws {
    func route(_ name: String, _ path: String, _ more: String = "") -> String {
      "  - {name: \(name), path: \(path), upstreams: [\"http://h:1\"], access: public\(more)}\n"
    }
    let error = try #require(throws: RouteFileError.self) {
      try Self.read(
        "routes:\n" + route("a", "\"/a/{id}\"") + route("b", "\"/a/{name}\"") + route("c", "/c") + route("d", "/c")
          + route("e", "/c", ", methods: [GET]") + route("f", "/f", ", headers: [{name: host, value: x}]"))
    }
    #expect(error.mistakes.map(\.place.line) == [3, 5, 7], "\(error)")
    #expect(error.mistakes[0].text.contains("b: \"a\" takes the same requests (in line 2)"), "\(error)")
    #expect(error.mistakes[2].text.contains("never reaches a service"), "\(error)")
  }

  @Test("a file is bounded: size, depth, count, and nothing that stands for more than itself")
  func bounds() throws {
    func complaint(_ text: String) -> String {
      do {
        _ = try Self.read(text)
        return "taken"
      } catch { return "\(error)" }
    }
    #expect(complaint(String(repeating: "#", count: 1 << 20 + 1)).contains("expected at most 1048576"))
    #expect(
      complaint("routes: " + String(repeating: "[", count: 20) + String(repeating: "]", count: 20)).contains(
        "more than 12 others"))
    #expect(complaint("routes: " + String(repeating: "[", count: 100_000)).contains("no YAML"))
    #expect(complaint("routes: " + String(repeating: "{a: ", count: 100_000)).contains("no YAML"))
    #expect(complaint("a: &a [x, x]\nb: [*a, *a]\n").contains("routes.yaml:1:4: an anchor"))
    #expect(complaint("").contains("the file is empty"))
    #expect(complaint("routes: []").contains("a list of 1 to 10000 routes"))
    #expect(complaint("routes: ~").contains("nothing; expected a list"))
    #expect(complaint("- a").contains("a list; expected the file"))
    #expect(complaint("routes: [x]\n---\nroutes: [y]\n").contains("no YAML"))
    #expect(throws: RouteFileError.self) {
      try RouteFile([0x72, 0xFF, 0x0A], name: "routes.yaml", rules: .init(checksTokens: true))
    }
  }

  static func read(_ text: String, checksTokens: Bool = true) throws(RouteFileError) -> RouteFile {
    try RouteFile(
      Array(text.utf8), name: "routes.yaml",
      rules: .init(checksTokens: checksTokens, missingVerifier: "--jwks", local: ["/metrics"]))
  }
}
