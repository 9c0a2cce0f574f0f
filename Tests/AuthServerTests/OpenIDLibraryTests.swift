import AsyncHTTPClient
import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import NIOCore
import NIOHTTP1
import OpenIDEngine
import Patience
import TestServers
import Testbed
import Testing

@testable import AuthServer

/// A library of others (Authlib, from PyPI) as the provider that people sign in with.
@Suite struct OpenIDLibraryTests {
  private static let library = PythonLibrary(
    "openid-provider", modules: "authlib, flask", "authlib>=1.9,<2", "flask>=3,<4")
  private static var script: String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
      path: "Clients/openid_provider.py"
    ).path
  }

  /// The provider, as the test and a browser see it.
  private struct Provider: Sendable {
    let port: Int
    var base: String { "http://127.0.0.1:\(port)" }

    func post(_ path: String, _ body: JSONValue) async throws {
      var request = HTTPClientRequest(url: base + path)
      request.method = .POST
      request.headers.add(name: "content-type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
      let status = try await HTTPClient.shared.execute(request, timeout: .seconds(20)).status
      #expect(status == .noContent)
    }

    /// Where the browser goes on to; its client follows no redirect.
    func visit(_ address: String) async throws -> String {
      var configuration = HTTPClient.Configuration()
      configuration.redirectConfiguration = .disallow
      let http = HTTPClient(configuration: configuration)
      let answer: Result<HTTPClientResponse, any Error>
      do { answer = .success(try await http.execute(HTTPClientRequest(url: address), timeout: .seconds(20))) } catch {
        answer = .failure(error)
      }
      let place = try answer.get().headers.first(name: "location")
      try await http.shutdown()
      let location = try #require(place)
      return String(location.dropFirst("http://id.example.org".count))
    }

    func signIn(_ browser: Browser, for app: App) async throws -> (back: Browser.Answer, path: String) {
      let path = try await visit(try await browser.go(to: "authlib", for: app, ["prompt": "login"]))
      return (try await browser.get(path), path)
    }
  }

  private static func run(
    on engine: Engine, _ python: URL, _ more: [String: JSONValue],
    _ body: @escaping @Sendable (AuthFixture, Provider, App) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "openid-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var given: [String: JSONValue] = [
      "client_id": "gravity", "client_secret": "a secret", "method": "client_secret_basic", "kty": "EC",
      "curve": "P-256", "alg": "ES256", "userinfo_only": false,
      "redirect_uri": "http://id.example.org/oauth/providers/authlib/callback",
    ]
    given.merge(more) { $1 }
    try JSONEncoder().encode(JSONValue.object(given)).write(to: folder.appending(path: "given.json"))
    let output = try await shell([
      "sh", "-c", "PYTHONWARNINGS=ignore \"$0\" \"$1\" \"$2\" >\"$2/log\" 2>&1 & echo $!", python.path, script,
      folder.path,
    ])
    let process = try #require(pid_t(output.trimmingCharacters(in: .whitespacesAndNewlines)))
    defer { kill(process, SIGKILL) }
    var port: Int?
    try await eventually("the provider is up") {
      port = Int((try? String(contentsOf: folder.appending(path: "port"), encoding: .utf8)) ?? "")
      return port != nil
    }
    let provider = Provider(port: try #require(port))
    try await AuthFixture.run(
      on: engine, { $0.issuer = "http://id.example.org" },
      providers: { clock, log in
        [
          try FederatedProvider(
            name: "authlib", displayName: "Authlib",
            source: try OpenIDProvider(
              issuer: provider.base, client: .init(id: "gravity", secret: "a secret"), allowsPlain: true,
              logger: log.logger, now: { clock.now }, send: FakeProvider.transport))
        ]
      }
    ) { auth in
      try await body(auth, provider, try await App.register(auth, ["first_party": true]))
    }
  }

  @Test("Authlib signs people in", .timeLimit(.minutes(10)), arguments: Engine.available)
  func authlib(_ engine: Engine) async throws {
    guard let python = try await Self.library.python() else {
      print("skipped: Authlib and Flask are not in \(Self.library.folder.path), and PyPI cannot be had")
      return
    }
    try await Self.run(on: engine, python, [:]) { auth, provider, app in
      let ann: JSONValue = [
        "sub": "ann-1", "email": "ann@example.org", "email_verified": true, "name": "Ann",
      ]
      try await provider.post("/person", ann)
      let browser = Browser(auth)
      let (back, path) = try await provider.signIn(browser, for: app)
      let tokens = try await app.exchange(auth, #require(back.parameter("code"), "\(back.text)")).value
      let claims = try AuthorizationTests.claims(of: #require(tokens.idToken))
      #expect(claims.amr == ["fed"])
      #expect(try await browser.get(path).status == 400, "the state is used up")

      // Somebody else's redirect, and a code that was used: what the provider itself says of it.
      let away = try await browser.go(to: "authlib", for: app, ["prompt": "login"])
      let state = try #require(URLComponents(string: away)?.queryItems?.first { $0.name == "state" }?.value)
      let code = try #require(URLComponents(string: path)?.queryItems?.first { $0.name == "code" }?.value)
      let replayed = try await browser.get("/oauth/providers/authlib/callback?code=\(code)&state=\(state)")
      #expect(replayed.status == 400 && auth.log.lines.contains { $0.contains("invalid_grant") })

      try await provider.post("/rotate", [:])
      auth.clock.advance(6)
      #expect(try await provider.signIn(Browser(auth), for: app).back.status == 303, "with another key")

      for twist: JSONValue in [["nonce": "another"], ["iss": "https://evil.example"], ["aud": "another"]] {
        try await provider.post("/twist", twist)
        let stranger = Browser(auth)
        #expect(try await provider.signIn(stranger, for: app).back.status == 400, "\(twist)")
        #expect(!stranger.hasSession)
      }
      try await provider.post("/twist", [:])

      // An account that is there, first unproved, then proved.
      try await auth.register("bob@example.org")
      for isVerified in [false, true] {
        try await provider.post(
          "/person", ["sub": "bob-1", "email": "bob@example.org", "email_verified": .bool(isVerified)])
        #expect(try await provider.signIn(Browser(auth), for: app).back.status == (isVerified ? 303 : 403))
      }
      #expect(try await auth.login("bob@example.org").status == 401, "nobody had proved the address")
    }
    try await Self.run(
      on: engine, python,
      [
        "method": "client_secret_post", "kty": "OKP", "curve": "Ed25519", "alg": "EdDSA", "userinfo_only": true,
      ]
    ) { auth, provider, app in
      try await provider.post(
        "/person", ["sub": "ann-1", "email": "ann@example.org", "email_verified": true, "name": "Ann"])
      #expect(try await provider.signIn(Browser(auth), for: app).back.status == 303)
      let account = try await auth.database.read { try AccountStore($0).find(email: "ann@example.org") }
      #expect(account?.name == "Ann" && account?.emailVerified == true)
    }
  }
}
