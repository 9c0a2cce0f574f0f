import Foundation
import GravityDiscovery
import Testing

@Suite struct ConfigurationTests {
  static let port = Setting(integer: "gravity.test.port", "a port", standard: 1, in: 1...9)
  static let name = Setting(text: "gravity.test.name", "a name")
  static let secret = Setting(integer: "gravity.test.secret", "a secret number", in: 1...9)
  static let wait = Setting(
    duration: "gravity.test.wait", "a wait", standard: .seconds(30), in: .seconds(1)...(.seconds(60)))

  @Test("command line goes before environment, that before the file, that before the default")
  func layers() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "gravity.json")
    try Data("{\"gravity\":{\"test\":{\"port\":4,\"name\":\"file\"}}}".utf8).write(to: file)
    let environment = ["GRAVITY_TEST_PORT": "3", "GRAVITY_TEST_WAIT": "15s"]
    let all = try await LayeredConfiguration(
      commandLine: ["gravity.test.port": "2"], environment: environment, file: file.path)
    #expect(try all.value(Self.port) == 2)
    #expect(try all.value(Self.name) == "file")
    #expect(try all.value(Self.wait) == .seconds(15))
    #expect(all.origin(of: Self.port) == ("2", "command line"))
    let lower = try await LayeredConfiguration(commandLine: [:], environment: [:], file: file.path)
    #expect(try lower.value(Self.port) == 4)
    let lowest = try await LayeredConfiguration(commandLine: [:], environment: [:], file: nil)
    #expect(try lowest.value(Self.port) == 1)
    #expect(lowest.origin(of: Self.wait) == ("30s", "default"))
  }

  @Test("a bad value is told with its name, its layer and what was expected; a missing one too")
  func mistakes() async throws {
    let configuration = try await LayeredConfiguration(
      commandLine: [:], environment: ["GRAVITY_TEST_PORT": "ten", "GRAVITY_TEST_WAIT": "15"], file: nil)
    let error = #expect(throws: ConfigurationError.self) { try configuration.value(Self.port) }
    #expect(error?.description == "GRAVITY_TEST_PORT (environment): \"ten\" is not a whole number from 1 to 9")
    #expect(throws: ConfigurationError.self) { try configuration.value(Self.wait) }
    let missing = #expect(throws: ConfigurationError.self) { try configuration.value(Self.name) }
    #expect(missing?.description.hasPrefix("GRAVITY_TEST_NAME is not set") == true)
  }

  @Test(
    "durations are read in their units",
    arguments: [("500ms", 500), ("30s", 30_000), ("2m", 120_000), ("1h", 3_600_000)])
  func durations(text: String, milliseconds: Int) {
    #expect(DurationText.parse(text) == .milliseconds(milliseconds))
    #expect(DurationText.parse(DurationText.string(.milliseconds(milliseconds))) == .milliseconds(milliseconds))
  }
}
