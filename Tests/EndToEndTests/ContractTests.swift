import Foundation
import Testing

/// The services against their own OpenAPI documents, by programs that nobody here wrote: schemathesis and
/// openapi-spec-validator. `Tests/Contracts` has how, and what is eased and why.
@Suite(
  .enabled(if: Contracts.tools != nil, "GRAVITY_TEST_PYTHON is not set: a Python with schemathesis"),
  .timeLimit(.minutes(10)))
struct ContractTests {
  @Test(
    "a service takes what its document allows, refuses what it does not, and answers as it says",
    arguments: [
      ("auth", 8001), ("user", 8002), ("notification", 8003), ("payment", 8005), ("order", 8006), ("product", 8007),
      ("inventory", 8008),
    ])
  func service(_ name: String, port: Int) async throws {
    try await Contracts.hold { platform in ["http://127.0.0.1:\(port + platform.portOffset)/openapi.json"] }
  }

  @Test("the same through the gateway, by the document of the whole platform")
  func gateway() async throws {
    // What the gateway could change on the way is the same for every operation, so some are enough.
    try await Contracts.hold { platform in
      [
        platform.gateway + "/openapi.json", "--phases", "coverage",
        "--include-path-regex", "^/api/v1/(users|auth/roles|notification-webhooks)",
      ]
    }
  }
}

private enum Contracts {
  /// Where the programs are; `./gravity test` installs them where PyPI can be had.
  static let tools: URL? = ProcessInfo.processInfo.environment["GRAVITY_TEST_PYTHON"].flatMap { python in
    let folder = URL(filePath: python).deletingLastPathComponent()
    let isThere = ["schemathesis", "openapi-spec-validator"].allSatisfy { program in
      FileManager.default.isExecutableFile(atPath: folder.appending(path: program).path)
    }
    return isThere ? folder : nil
  }

  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Contracts").path

  /// Starts a platform, and expects that its document, the first of the arguments, is one, and that it is held to.
  static func hold(_ arguments: (PlatformProcess) -> [String]) async throws {
    let tools = try #require(tools)
    let platform = try await PlatformProcess.up(isAtLocalhost: true)
    defer { platform.remove() }
    let arguments = arguments(platform)
    let document = platform.folder.appending(path: "openapi.json")
    try await Visitor(base: "").get(arguments[0]).body.write(to: document)
    let validation = try await PlatformProcess.run(
      [document.path], program: tools.appending(path: "openapi-spec-validator").path)
    #expect(validation.code == 0, "\(validation.output)\(validation.errors)")
    let trial = try await PlatformProcess.run(
      ["--config-file", "\(folder)/schemathesis.toml", "run", "--no-color"] + arguments,
      program: tools.appending(path: "schemathesis").path,
      environment: [
        "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1", "SCHEMATHESIS_HOOKS": "formats",
        "HYPOTHESIS_STORAGE_DIRECTORY": platform.folder.appending(path: "hypothesis").path,
        "CONTRACT_LOGIN": platform.auth + "/api/v1/auth/login", "CONTRACT_EMAIL": "admin@example.com",
        "CONTRACT_PASSWORD": "tall-green-ladder-9",
      ], patience: .seconds(540))
    #expect(trial.code == 0, "\(trial.output.suffix(20_000))\n\(trial.errors.suffix(2_000))")
    #expect(await platform.stop() == 0)
  }
}
