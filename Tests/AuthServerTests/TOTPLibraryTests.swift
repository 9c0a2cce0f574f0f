import AuthAPI
import AuthServer
import Foundation
import HummingbirdTesting
import Testbed
import Testing

/// An authenticator of others (pyotp, from PyPI) as the second factor.
@Suite struct TOTPLibraryTests {
  /// Where the library is kept between runs.
  private static let folder = FileManager.default.homeDirectoryForCurrentUser.appending(
    path: ".cache/gravity/totp-client")
  private static var script: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
      path: "Clients/totp_client.py")
  }
  private static let steps = ["enrol", "login", "reuse", "recovery_code", "remove"]

  @Test("pyotp enrols, logs in, and is refused the second time", .timeLimit(.minutes(10)), arguments: Engine.available)
  func pyotp(_ engine: Engine) async throws {
    guard let python = try await Self.python() else {
      print("skipped: pyotp is not in \(Self.folder.path), and PyPI cannot be had")
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

  /// nil when the library is not there and cannot be fetched within two minutes.
  private static func python() async throws -> URL? {
    let python = folder.appending(path: "bin/python")
    let isThere = try await OAuthLibraryTests.run(
      URL(filePath: "/bin/sh"), ["-c", "'\(python.path)' -c 'import pyotp' 2>&1"], input: Data())
    if isThere.status == 0 { return python }
    let fetched = try await OAuthLibraryTests.run(
      URL(filePath: "/bin/sh"),
      [
        "-c",
        """
        timeout 120 sh -c "python3 -m venv '\(folder.path)' && \
        '\(folder.path)/bin/pip' install -q 'pyotp>=2.9,<3'" 2>&1
        """,
      ], input: Data())
    return fetched.status == 0 ? python : nil
  }
}
