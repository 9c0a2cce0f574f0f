import Foundation
import Testing

/// What people see, in Chromium: `Tests/Browser` has the programs that drive it.
@Suite(
  .enabled(if: Chromium.python != nil, "there is no Chromium, or no GRAVITY_TEST_PYTHON with playwright"),
  .timeLimit(.minutes(20)))
struct ChromiumTests {
  @Test("people sign in, consent, let a device in and use a passkey, on the pages of auth, and from the console")
  func auth() async throws {
    // Nobody goes there: that there is one is why the console leads to the pages of auth.
    let provider = #"[{"name": "acme", "display_name": "Acme", "issuer": "https://acme.example", "client_id": "c"}]"#
    let platform = try await PlatformProcess.up(
      environment: ["GRAVITY_AUTH_PROVIDERS": provider], isAtLocalhost: true)
    defer { platform.remove() }
    try await Chromium.run(
      "auth_test.py",
      ["--base", platform.localhost, "--email", "admin@example.com", "--password", "tall-green-ladder-9"])
    #expect(await platform.stop() == 0)
  }

  @Test("the console shows, changes and refuses what it should, light and dark, wide and narrow")
  func console() async throws { try await Chromium.run("console_test.py", []) }
}

private enum Chromium {
  static let browser = "/usr/bin/chromium"

  /// A Python that has playwright, where there is a browser, too.
  static let python: URL? = ProcessInfo.processInfo.environment["GRAVITY_TEST_PYTHON"].flatMap { path in
    let python = URL(filePath: path)
    let programs = [python.deletingLastPathComponent().appending(path: "playwright").path, browser]
    return programs.allSatisfy(FileManager.default.isExecutableFile) ? python : nil
  }

  static func run(_ script: String, _ arguments: [String]) async throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let python = try #require(python)
    let (code, output, errors) = try await PlatformProcess.run(
      [folder.appending(path: "Browser/\(script)").path, "--browser", browser] + arguments, program: python.path,
      environment: ["PYTHONDONTWRITEBYTECODE": "1"], patience: .seconds(1_140))
    #expect(code == 0 && output.contains(" passed, 0 failed"), "\(output.suffix(10_000))\n\(errors.suffix(4_000))")
  }
}
