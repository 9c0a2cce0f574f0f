import AuthAPI
import AuthServer
import Foundation
import GravityContracts
import HummingbirdTesting
import Testbed
import TestServers
import Testing

/// A client library of others (Authlib, from PyPI) as the client of every grant.
@Suite struct OAuthLibraryTests {
  private static let library = PythonLibrary(
    "oauth-client", modules: "authlib, requests", "authlib>=1.3,<2", "requests>=2.31,<3")
  private static var script: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
      path: "Clients/oauth_client.py")
  }
  private static let steps = [
    "client_credentials", "introspection", "revocation", "invalid_client", "authorization_code", "id_token", "userinfo",
    "refresh_token", "replay", "device_pending", "device_code", "device_consumed",
  ]

  struct Outcome: Sendable {
    var status: Int32
    var output: String
  }

  @Test("Authlib goes through every grant", .timeLimit(.minutes(10)), arguments: Engine.available)
  func authlib(_ engine: Engine) async throws {
    guard let python = try await Self.library.python() else {
      print("skipped: Authlib is not in \(Self.library.folder.path), and PyPI cannot be had")
      return
    }
    try await AuthFixture.run(on: engine, { $0.issuer = "http://id.example.org" }) { auth in
      try await auth.register("a@example.org", name: "Ann")
      let server = try await auth.newServer(["orders:read"])
      let redirect = "https://app.example/cb"
      let app = try await auth.newClient([
        "grants": ["authorization_code", "refresh_token"], "redirect_uris": [redirect],
        "scopes": ["openid", "profile", "offline_access"],
      ])
      let device = try await Device.client(auth)
      let given: [String: Any] = [
        "device": ["id": device.client.id.lowercased, "scope": "openid offline_access"],
        "server": ["id": server.id, "secret": server.secret, "scope": "orders:read"],
        "app": [
          "id": app.client.id.lowercased, "secret": app.clientSecret ?? "", "scope": "openid profile offline_access",
          "redirect_uri": redirect, "email": "a@example.org", "password": AuthFixture.password, "name": "Ann",
        ],
      ]
      let port = try #require(auth.client.port)
      let outcome = try await Self.run(
        python, [Self.script.path, "http://127.0.0.1:\(port)"],
        input: try JSONSerialization.data(withJSONObject: given))
      #expect(outcome.status == 0, "\(outcome.output)")
      let done = outcome.output.split(separator: "\n").map(String.init).filter(Self.steps.contains)
      #expect(done == Self.steps, "\(outcome.output)")
    }
  }

  static func run(_ program: URL, _ arguments: [String], input: Data) async throws -> Outcome {
    let file = FileManager.default.temporaryDirectory.appending(path: "gravity-client-\(UUID().uuidString)")
    try input.write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let outcome = try await Program.run(
      [program.path] + arguments,
      environment: ProcessInfo.processInfo.environment.merging(["PYTHONWARNINGS": "ignore"]) { $1 }, input: file.path)
    return Outcome(status: outcome.status, output: outcome.output + outcome.errors)
  }
}
