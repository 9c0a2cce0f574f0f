import Crypto
import Foundation
import GravityContracts
import NIOCore
import Patience
import Synchronization
import TestServers
import Testing

/// `gravity serve gateway --routes FILE` before a server in Python, as somebody would use it who has nothing else of
/// Gravity.
@Suite(.timeLimit(.minutes(3))) struct GatewayAloneTests {
  /// Answers with its name, the path, and what it was told of the caller; `/slow` after a moment, of which `/count` tells
  /// how often it was asked.
  private static let backend = """
    import http.server, sys, time
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        slow = 0
        def do_GET(self):
            if self.path.endswith("/slow"):
                Handler.slow += 1
                time.sleep(1)
            body = str(Handler.slow).encode() if self.path.endswith("/count") else f"{sys.argv[1]} {self.path} {self.headers.get('x-user-id')}".encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def log_message(self, *_): pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
    """

  private final class Backend: Sendable {
    let program: Program
    let port: Int

    convenience init(_ name: String) async throws {
      try await self.init(["python3", "-c", GatewayAloneTests.backend, name])
    }

    /// A program that prints its port first.
    init(_ words: [String]) async throws {
      let lines = Lines()
      program = try Program(words) { _, source, bytes in lines.add(bytes, source) }
      try await eventually("it tells its port") { lines.count > 0 }
      port = try #require(Int(lines.all.first ?? ""))
    }

    deinit { program.signal(SIGKILL) }
  }

  private struct Folder {
    let url = FileManager.default.temporaryDirectory.appending(path: "gravity-alone-\(UUID().uuidString)")
    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
    func write(_ text: String, _ name: String = "routes.yaml") throws -> String {
      let file = url.appending(path: name)
      try Data(text.utf8).write(to: file, options: .atomic)
      return file.path
    }
    func remove() { try? FileManager.default.removeItem(at: url) }
  }

  /// What a provider publishes.
  private static func keySet(_ key: P256.Signing.PrivateKey) -> String {
    let raw = key.publicKey.rawRepresentation
    return """
      {"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"\(Data(raw.prefix(32)).base64URLEncodedString())",\
      "y":"\(Data(raw.suffix(32)).base64URLEncodedString())"}]}
      """
  }

  private static func route(_ name: String, _ path: String, _ port: Int, access: String = "public", _ more: String = "")
    -> String
  {
    """
      - name: \(name)
        path: \(path)
        upstreams: ["http://127.0.0.1:\(port)"]
        access: \(access)
    \(more.isEmpty ? "" : "    \(more)\n")
    """
  }

  @Test("routes from a file are served; a good change is taken while it runs, a bad one refused with its reason")
  func live() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    let (one, two) = (try await Backend("one"), try await Backend("two"))
    let file = try folder.write("routes:\n" + Self.route("things", "/things/**", one.port))
    let gateway = try await PlatformProcess.serve("gateway", routes: file)
    defer { gateway.remove() }
    let visitor = Visitor(base: gateway.gateway)
    func body(_ path: String) async throws -> String {
      String(decoding: try await visitor.get(path).body, as: UTF8.self)
    }
    #expect(try await body("/things/1?x=2") == "one /things/1?x=2 None")
    #expect(try await visitor.get("/elsewhere").code == "not_found")
    // Nobody could sign in, so there is nothing to see.
    #expect(try await visitor.get("/api/v1/gateway").status == 404)
    #expect(try await visitor.get("/health/ready").status == 200)

    var mark = gateway.mark()
    _ = try folder.write(
      "routes:\n" + Self.route("things", "/things/**", two.port) + Self.route("more", "/more", one.port))
    try await gateway.waitForLine("routes were replaced", after: mark)
    #expect(try await body("/things/1") == "two /things/1 None")
    #expect(try await body("/more") == "one /more None")

    mark = gateway.mark()
    _ = try folder.write("routes:\n" + Self.route("things", "/things/**", one.port, access: "authenticated"))
    try await gateway.waitForLine("routes are refused, and the former stay", after: mark)
    #expect(gateway.output.contains("routes.yaml:5:13: a protected route, and nothing to check tokens with"))
    #expect(try await body("/things/1") == "two /things/1 None")
    let metrics = String(decoding: try await visitor.get("/metrics").body, as: UTF8.self)
    #expect(metrics.contains("gateway_routes_refused 1"))
    #expect(metrics.contains("gateway_routes_changes_total{outcome=\"taken\"} 1"))
    #expect(metrics.contains("http_server_request_duration_seconds_count{"))
    #expect(gateway.output.contains("\"gravity.route\":\"things\""))

    // What is being answered when it is asked to end is answered.
    async let slow = visitor.get("/things/slow")
    try await eventually("it is being answered") { try await body("/things/count") == "1" }
    #expect(await gateway.stop() == 0)
    #expect(try await slow.status == 200)
  }

  private static let python = ProcessInfo.processInfo.environment["GRAVITY_TEST_PYTHON"]
  private static let grpcClient = client("grpc_client.py")
  private static let webSocketsClient = client("websockets_client.py")

  private static func client(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Clients/\(name)").path(percentEncoded: false)
  }

  @Test(
    "gRPC goes through: questions and answers one by one and in streams, conversations, statuses, deadlines",
    .enabled(if: python != nil, "GRAVITY_TEST_PYTHON is not set: a Python with grpcio"))
  func grpc() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    let python = try #require(Self.python)
    let service = try await Backend([python, Self.grpcClient, "serve"])
    let file = try folder.write(
      "routes:\n"
        + Self.route("echo", "/gravity.test.Echo/**", service.port).replacing("http://", with: "h2c://"))
    // Hundreds at once are slow where others test too; that they are asked for less is another test's.
    let gateway = try await PlatformProcess.serve(
      "gateway", routes: file, environment: ["GRAVITY_GATEWAY_SHEDDING": "false"])
    defer { gateway.remove() }
    let asked = try await PlatformProcess.run(
      [Self.grpcClient, "ask", gateway.gateway.replacing("http://", with: "")], program: python)
    #expect(asked.code == 0, "\(asked.output)\(asked.errors)")
    #expect(asked.output.hasSuffix("300 at once\n"))
    #expect(await gateway.stop() == 0)
  }

  @Test(
    "what the gateway itself refuses has gRPC's status for gRPC's own client, and says why",
    .enabled(if: python != nil, "GRAVITY_TEST_PYTHON is not set: a Python with grpcio"))
  func grpcRefusals() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    let python = try #require(Self.python)
    let service = try await Backend([python, Self.grpcClient, "serve"])
    let keys = try folder.write(Self.keySet(P256.Signing.PrivateKey()), "jwks.json")
    func route(_ name: String, port: Int? = nil, access: String = "public", _ more: String = "") -> String {
      Self.route(name, "/gravity.test.\(name)/**", port ?? service.port, access: access, more)
        .replacing("http://", with: "h2c://")
    }
    let file = try folder.write(
      "routes:\n" + route("Mine", access: "authenticated") + route("Gone", port: 1) + route("Hasty", "timeout: 300ms")
        + route("Small", "max_body: 64") + route("Limited", "rate_limit: {limit: 1, window: 1h}"))
    let gateway = try await PlatformProcess.serve("gateway", routes: file, ["--jwks", keys])
    defer { gateway.remove() }
    let asked = try await PlatformProcess.run(
      [Self.grpcClient, "refused", gateway.gateway.replacing("http://", with: "")], program: python)
    #expect(asked.code == 0, "\(asked.output)\(asked.errors)")
    #expect(asked.output.hasSuffix("a caller that has not finished asking\n"))
    #expect(await gateway.stop() == 0)
  }

  @Test(
    "WebSockets go through: messages whole and in pieces, pings, closes both ways, and whoever stops reading is waited for",
    .enabled(if: python != nil, "GRAVITY_TEST_PYTHON is not set: a Python with websockets"),
    arguments: FileManager.default.isExecutableFile(atPath: EdgeCertificate.openssl) ? ["ws", "wss"] : ["ws"])
  func webSockets(_ scheme: String) async throws {
    let folder = try Folder()
    defer { folder.remove() }
    let python = try #require(Self.python)
    let certificate = scheme == "wss" ? try await EdgeCertificate() : nil
    defer { certificate?.remove() }
    let service = try await Backend([python, Self.webSocketsClient, "serve"])
    let file = try folder.write("routes:\n" + Self.route("sockets", "/ws/**", service.port))
    let gateway = try await PlatformProcess.serve(
      "gateway", routes: file, environment: certificate?.environment ?? [:])
    defer { gateway.remove() }
    let base = gateway.gateway.replacing("http:", with: "\(scheme):")
    let asked = try await PlatformProcess.run(
      [Self.webSocketsClient, "ask", base] + (certificate.map { [$0.certificate] } ?? []), program: python)
    #expect(asked.code == 0, "\(asked.output)\(asked.errors)")
    #expect(asked.output.hasSuffix("an upgrade that no route takes\n"))
    #expect(await gateway.stop() == 0)
  }

  @Test("where others reach it, metrics are shown only to who asked for that; the start says how")
  func openMetrics() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    let file = try folder.write("routes:\n" + Self.route("things", "/things", 1))
    func metrics(_ environment: [String: String]) async throws -> (status: Int, output: String) {
      let port = 8_000 + PlatformProcess.freeOffset()
      let gateway = try await PlatformProcess.serve(
        "gateway", routes: file, ["--listen", "0.0.0.0:\(port)"], environment: environment)
      defer { gateway.remove() }
      let status = try await Visitor(base: "http://127.0.0.1:\(port)").get("/metrics").status
      #expect(await gateway.stop() == 0)
      return (status, gateway.output)
    }
    let unasked = try await metrics([:])
    #expect(unasked.status == 404 && unasked.output.contains("GRAVITY_GATEWAY_METRICS=true shows them"))
    let wanted = try await metrics(["GRAVITY_GATEWAY_METRICS": "true"])
    #expect(wanted.status == 200 && !wanted.output.contains("shows them"))
    let unwanted = try await metrics(["GRAVITY_GATEWAY_METRICS": "false"])
    #expect(unwanted.status == 404 && !unwanted.output.contains("shows them"))
  }

  @Test("SIGHUP has the file read at once, and says so when it is bad")
  func hangUp() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    let backend = try await Backend("one")
    let file = try folder.write("routes:\n" + Self.route("things", "/things", backend.port))
    let gateway = try await PlatformProcess.serve("gateway", routes: file)
    defer { gateway.remove() }
    let mark = gateway.mark()
    try FileManager.default.removeItem(atPath: file)
    kill(gateway.pid, SIGHUP)
    try await gateway.waitForLine("the file cannot be read", after: mark)
    #expect(try await Visitor(base: gateway.gateway).get("/things").status == 200)
    #expect(await gateway.stop() == 0)
  }

  @Test("tokens of a provider whose keys are in a file open protected routes, and the administration to who may see it")
  func tokens() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    let backend = try await Backend("one")
    let key = P256.Signing.PrivateKey()
    let keys = try folder.write(Self.keySet(key), "jwks.json")
    func token(_ scope: String, audience: String = "api") throws -> String {
      let end = Int(Date().timeIntervalSince1970) + 600
      let claims = #"{"iss":"https://id.example","aud":"\#(audience)","sub":"ada","scope":"\#(scope)","exp":\#(end)}"#
      let body =
        Data(#"{"alg":"ES256","typ":"JWT","kid":"k"}"#.utf8).base64URLEncodedString() + "."
        + Data(claims.utf8).base64URLEncodedString()
      return body + "." + (try key.signature(for: Data(body.utf8))).rawRepresentation.base64URLEncodedString()
    }
    let file = try folder.write(
      "routes:\n"
        + Self.route("mine", "/mine", backend.port, access: "authenticated", "identity_headers: true")
        + Self.route("orders", "/orders", backend.port, access: "{permission: \"orders:read\"}"))
    let gateway = try await PlatformProcess.serve(
      "gateway", routes: file,
      ["--jwks", keys, "--issuer", "https://id.example", "--audience", "api"])
    defer { gateway.remove() }
    func ask(_ path: String, _ token: String?) async throws -> Visitor.Reply {
      try await Visitor(base: gateway.gateway, token: token).get(path)
    }
    let (plain, reader) = (try token("openid"), try token("openid orders:read gateway:read"))
    #expect(try await ask("/mine", nil).status == 401)
    #expect(try await ask("/mine", "nonsense").code == "invalid_token")
    #expect(try await ask("/mine", try token("openid", audience: "web")).status == 401)
    #expect(String(decoding: try await ask("/mine", plain).body, as: UTF8.self) == "one /mine ada")
    #expect(try await ask("/orders", plain).status == 403)
    #expect(try await ask("/orders", reader).status == 200)
    #expect(try await ask("/api/v1/gateway", nil).status == 401)
    #expect(try await ask("/api/v1/gateway", plain).status == 403)
    let view = try await ask("/api/v1/gateway", reader)
    #expect(view.status == 200 && view.text("source") == file, "\(String(decoding: view.body, as: UTF8.self))")
    let instances = String(decoding: try await ask("/api/v1/gateway/instances", reader).body, as: UTF8.self)
    #expect(instances.contains("\"127.0.0.1:\(backend.port)\""))
    #expect(await gateway.stop() == 0)
  }

  @Test("what is wrong ends the start with a clear line and a code")
  func mistakes() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    let bad = try folder.write("routes:\n  - name: a\n    pth: /\n")
    let ended = try await PlatformProcess.run(["serve", "gateway", "--routes", bad])
    #expect(ended.code == 78)
    #expect(
      ended.errors.contains("routes.yaml:3:5: \"pth\" is no key of a route; expected name, path"), "\(ended.errors)")
    #expect(ended.errors.contains("routes.yaml:2:5: a route without upstreams"))
    let protected = try folder.write("routes:\n" + Self.route("a", "/a", 1, access: "authenticated"))
    let closed = try await PlatformProcess.run(["serve", "gateway", "--routes", protected])
    #expect(
      closed.code == 78 && closed.errors.contains("expected --jwks URL|FILE, or access: public"), "\(closed.errors)")
    #expect(try await PlatformProcess.run(["serve", "gateway", "--routes", protected, "--jwks", bad]).code == 78)
    #expect(try await PlatformProcess.run(["serve", "gateway", "--routes", "/none.yaml"]).code == 78)
    #expect(
      try await PlatformProcess.run(["serve", "gateway", "--routes", "consul:x"], without: ["CONSUL_HTTP_ADDR"]).code
        == 78)
    #expect(try await PlatformProcess.run(["serve", "auth", "--routes", bad]).code == 64)
    #expect(try await PlatformProcess.run(["serve", "gateway", "--jwks", bad]).code == 64)
    #expect(try await PlatformProcess.run(["serve", "gateway", "--routes", bad, "--listen", "8080"]).code == 64)
  }
}
