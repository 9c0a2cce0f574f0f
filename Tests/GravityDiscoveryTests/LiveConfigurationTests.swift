import Foundation
import GravityDiscovery
import Logging
import Synchronization
import Testing

@Suite("Configuration that changes", .timeLimit(.minutes(5)))
struct LiveConfigurationTests {
  static let limit = Setting(integer: "gravity.test.limit", "a limit", standard: 60, in: 1...1_000).live
  static let wait = Setting(
    duration: "gravity.test.wait", "a wait", standard: .seconds(30), in: .seconds(1)...(.seconds(60))
  ).live
  static let name = Setting(text: "gravity.test.name", "a name", standard: "one")
  static let secret = Setting<String>("gravity.test.secret", "a secret", isSecret: true, expected: "six letters") {
    $0.count == 6 ? $0 : nil
  }.live
  static let settings: [any AnySetting] = [limit, wait, name, secret]

  private func live(environment: [String: String] = [:], file: String? = nil) async throws -> LiveConfiguration {
    LiveConfiguration(
      try await LayeredConfiguration(commandLine: [:], environment: environment, file: file), settings: Self.settings,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  @Test("a setting has one name in each layer")
  func names() {
    #expect(Self.limit.storeName == "test/limit")
    #expect(Setting(text: "otel.traces.sampler", "").storeName == "otel/traces/sampler")
    #expect(Self.limit.isLive && !Self.name.isLive)
  }

  @Test("the store stands between the environment and the file")
  func order() async throws {
    let file = try TemporaryFile("{\"gravity\":{\"test\":{\"limit\":4,\"wait\":\"4s\",\"name\":\"four\"}}}")
    defer { file.remove() }
    let live = try await live(environment: ["GRAVITY_TEST_LIMIT": "2"], file: file.path)
    live.take(store: ["gravity.test.limit": "3", "gravity.test.wait": "3s"], name: "store")
    #expect(try live.current.value(Self.limit) == 2)
    #expect(try live.current.value(Self.wait) == .seconds(3))
    #expect(live.current.origin(of: Self.wait) == ("3s", "store"))
    #expect(try live.current.value(Self.name) == "four")
    live.take(store: [:], name: "store")
    #expect(try live.current.value(Self.wait) == .seconds(4))
  }

  @Test("one bad value is refused and keeps its old one; the good ones beside it are taken in the same step")
  func refused() async throws {
    let live = try await live()
    live.take(store: ["gravity.test.limit": "70", "gravity.test.secret": "abcdef"], name: "store")
    live.take(
      store: ["gravity.test.limit": "0", "gravity.test.wait": "5s", "gravity.test.secret": "hunter"], name: "store")
    #expect(try live.current.value(Self.limit) == 70)
    #expect(try live.current.value(Self.wait) == .seconds(5))
    #expect(live.refusals.map(\.key) == ["gravity.test.limit"])
    #expect(live.refusals[0].reason == "GRAVITY_TEST_LIMIT (store): \"0\" is not a whole number from 1 to 1000")
    live.take(store: ["gravity.test.limit": "0", "gravity.test.secret": "hunter22"], name: "store")
    #expect(live.refusals.map(\.key) == ["gravity.test.limit", "gravity.test.secret"])
    #expect(!live.refusals[1].reason.contains("hunter"), "a secret is not told")
    #expect(try live.current.value(Self.secret) == "hunter")
    #expect(try live.current.value(Self.wait) == .seconds(30))
    live.take(store: [:], name: "store")
    #expect(live.refusals.isEmpty)
    #expect(try live.current.value(Self.limit) == 60)
  }

  @Test("a setting that is not live keeps the value of the start, also when it changes twice or back")
  func pending() async throws {
    let live = try await live()
    live.take(store: ["gravity.test.name": "two"], name: "store")
    live.take(store: ["gravity.test.name": "three", "gravity.test.limit": "7"], name: "store")
    #expect(try live.current.value(Self.name) == "one")
    #expect(live.pending == ["gravity.test.name"])
    #expect(try live.current.value(Self.limit) == 7)
    live.take(store: [:], name: "store")
    #expect(live.pending.isEmpty)
  }

  @Test("whoever follows a setting hears its value, then each other one, and nothing when something else changes")
  func following() async throws {
    let live = try await live()
    let (heard, continuation) = AsyncStream.makeStream(of: Int.self)
    let following = Task { await live.follow(Self.limit) { continuation.yield($0) } }
    var values = heard.makeAsyncIterator()
    #expect(await values.next() == 60)
    live.take(store: ["gravity.test.limit": "70"], name: "store")
    #expect(await values.next() == 70)
    live.take(store: ["gravity.test.limit": "70", "gravity.test.wait": "5s"], name: "store")
    live.take(store: ["gravity.test.limit": "x"], name: "store")
    live.take(store: ["gravity.test.limit": "71"], name: "store")
    #expect(await values.next() == 71)
    following.cancel()
    await following.value
  }

  @Test("the file is read again when it is replaced; one that cannot be read changes nothing")
  func file() async throws {
    let file = try TemporaryFile("{\"gravity\":{\"test\":{\"limit\":4}}}")
    defer { file.remove() }
    let live = try await live(file: file.path)
    let watch = ConfigurationFileWatch(file.path, of: live, every: .milliseconds(20))
    let watching = Task { try await watch.run() }
    let (heard, continuation) = AsyncStream.makeStream(of: Int.self)
    let following = Task { await live.follow(Self.limit) { continuation.yield($0) } }
    var values = heard.makeAsyncIterator()
    #expect(await values.next() == 4)
    try file.write("{\"gravity\":{\"test\":{\"limit\":45}}}")
    #expect(await values.next() == 45)
    try file.write("{\"gravity\":{")
    try file.write("{\"gravity\":{\"test\":{\"limit\":456,\"name\":\"two\"}}}")
    #expect(await values.next() == 456)
    #expect(live.pending == ["gravity.test.name"])
    try file.write("{\"gravity\":{")
    await live.rereadFile()
    #expect(try live.current.value(Self.limit) == 456)
    following.cancel()
    watching.cancel()
    _ = await watching.result
  }
}

/// A file that is replaced as editors do.
private struct TemporaryFile {
  let path: String
  init(_ text: String) throws {
    path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).json").path
    try write(text)
  }
  func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: path), options: .atomic) }
  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
