import AuthAPI
import AuthServer
import Foundation
import HummingbirdTesting
import Testbed
import Testing

/// An authenticator of others (pyotp, from PyPI) as the second factor.
@Suite struct TOTPLibraryTests {
  private static let library = PythonLibrary("totp-client", modules: "pyotp", "pyotp>=2.9,<3")
  private static var script: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
      path: "Clients/totp_client.py")
  }
  private static let steps = ["enrol", "login", "reuse", "recovery_code", "remove"]

  @Test("pyotp enrols, logs in, and is refused the second time", .timeLimit(.minutes(10)), arguments: Engine.available)
  func pyotp(_ engine: Engine) async throws {
    guard let python = try await Self.library.python() else {
      print("skipped: pyotp is not in \(Self.library.folder.path), and PyPI cannot be had")
      return
    }
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("ann@example.org")
      let given: [String: Any] = [
        "email": "ann@example.org", "password": AuthFixture.password,
        "now": Int(auth.clock.now.timeIntervalSince1970),
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
