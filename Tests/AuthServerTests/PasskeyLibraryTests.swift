import AuthAPI
import AuthServer
import Foundation
import HummingbirdTesting
import Testbed
import Testing

/// A WebAuthn client of others (python-fido2, from PyPI), with an authenticator of each algorithm.
@Suite struct PasskeyLibraryTests {
  private static let library = PythonLibrary("passkey-client", modules: "fido2", "fido2>=2,<3")
  private static var script: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
      path: "Clients/passkey_client.py")
  }
  private static let steps = [
    "es256", "eddsa", "rs256", "excluded", "origin", "replay", "counter", "step_up", "remove",
  ]

  @Test(
    "python-fido2 registers and signs in with ES256, EdDSA and RS256, and is refused where it should be",
    .timeLimit(.minutes(10)), arguments: Engine.available)
  func fido2(_ engine: Engine) async throws {
    guard let python = try await Self.library.python() else {
      print("skipped: fido2 is not in \(Self.library.folder.path), and PyPI cannot be had")
      return
    }
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      try await auth.register("ann@example.org")
      let given = [
        "email": "ann@example.org", "password": AuthFixture.password, "origin": SoftAuthenticator.origin,
      ]
      let port = try #require(auth.client.port)
      let outcome = try await OAuthLibraryTests.run(
        python, [Self.script.path, "http://127.0.0.1:\(port)"],
        input: try JSONSerialization.data(withJSONObject: given))
      #expect(outcome.status == 0, "\(outcome.output)")
      #expect(outcome.output.split(separator: "\n").map(String.init) == Self.steps, "\(outcome.output)")
    }
  }
}
