import AsyncHTTPClient
import Foundation
import GravityContracts
import NIOCore
import Patience
import Synchronization
import TestServers
import Testing

/// A real `gravity` in processes of its own, on ports and a folder of its own.
final class PlatformProcess: Sendable {
  let folder: URL
  let portOffset: Int
  private let program: Mutex<Program?>
  private let lines = Lines()

  var gateway: String { "http://127.0.0.1:\(8000 + portOffset)" }
  var auth: String { "http://127.0.0.1:\(8001 + portOffset)" }

  /// Each platform of a test run has twenty ports to itself; runs side by side are told apart by their process id.
  private static let next = Atomic(0)

  private init(folder: URL, portOffset: Int) {
    self.folder = folder
    self.portOffset = portOffset
    program = Mutex(nil)
  }

  /// The gateway's address with a domain, to which browsers bind passkeys.
  var localhost: String { "http://localhost:\(8000 + portOffset)" }

  /// Starts `gravity up` and waits until it says that it is ready.
  ///
  /// - Parameter isAtLocalhost: Whether ``localhost`` is its issuer.
  static func up(
    environment: [String: String] = [:], arguments: [String] = [], on engine: TestEngine = .sqlite,
    isAtLocalhost: Bool = false
  ) async throws -> PlatformProcess {
    let platform = unstarted()
    var environment = engine.environment.merging(environment) { _, new in new }
    if isAtLocalhost { environment["GRAVITY_ISSUER"] = platform.localhost }
    try await platform.start(environment: environment, arguments: arguments)
    return platform
  }

  /// Starts one service of a deployment, which shares folder and ports with `other`.
  ///
  /// - Parameter port: Another than the service's own, without the offset.
  static func serve(
    _ service: String, beside other: PlatformProcess? = nil, port: Int? = nil, environment: [String: String]
  ) async throws -> PlatformProcess {
    let platform = other.map { PlatformProcess(folder: $0.folder, portOffset: $0.portOffset) } ?? unstarted()
    try await platform.start(
      serving: service, environment: environment,
      arguments: port.map { ["--port", "\($0 + platform.portOffset)"] } ?? [])
    return platform
  }

  /// Starts a gateway alone.
  static func serve(
    _ service: String, routes: String, _ arguments: [String] = [], environment: [String: String] = [:]
  ) async throws -> PlatformProcess {
    let platform = unstarted()
    try await platform.start(serving: service, environment: environment, arguments: ["--routes", routes] + arguments)
    return platform
  }

  /// Starts one service of a deployment on the ports of `portOffset`.
  static func serve(
    _ service: String, folder: URL, portOffset: Int, environment: [String: String]
  ) async throws -> PlatformProcess {
    let platform = PlatformProcess(folder: folder, portOffset: portOffset)
    try await platform.start(serving: service, environment: environment)
    return platform
  }

  /// Twenty ports that no other test uses, below those of scripts/servers and those that the system
  /// gives to outgoing connections.
  static func freeOffset() -> Int {
    let number = next.wrappingAdd(1, ordering: .relaxed).newValue
    return 2_000 + Int(getpid() % 9) * 1_000 + number * 20
  }

  private static func unstarted() -> PlatformProcess {
    let folder = FileManager.default.temporaryDirectory.appending(path: "gravity-e2e-\(UUID().uuidString)")
    return PlatformProcess(folder: folder, portOffset: freeOffset())
  }

  /// Starts it (again) on the same folder and ports: `up`, or one service.
  func start(
    serving service: String? = nil, environment: [String: String] = [:], arguments: [String] = []
  ) async throws {
    let command = service.map { ["serve", $0] } ?? ["up"]
    let mark = lines.count
    let program = try Program(
      [Self.executable.path] + command + ["--data-dir", folder.path, "--port-offset", "\(portOffset)"] + arguments,
      environment: Self.environment.merging(environment) { _, new in new }
    ) { [lines] _, source, bytes in lines.add(bytes, source) }
    self.program.withLock { $0 = program }
    try await lines.wait(for: "is ready", after: mark) { program.isRunning }
  }

  /// What it printed and logged so far.
  var output: String { lines.all.joined(separator: "\n") }

  /// The process that watches; its child dies with it.
  var pid: Int32 { program.withLock { $0?.processID ?? 0 } }

  var isRunning: Bool { program.withLock { $0?.isRunning ?? false } }

  /// The process that does the work.
  var worker: Int32? {
    // A child belongs to the thread that started it.
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
    return threads.lazy.compactMap { thread in
      let children = try? String(contentsOfFile: "/proc/\(self.pid)/task/\(thread)/children", encoding: .utf8)
      return children.flatMap { Int32($0.split(separator: " ").first ?? "") }
    }.first
  }

  /// - Returns: the exit code, or minus the signal; SIGKILL's where it did not end within two minutes.
  @discardableResult func stop(_ signal: Int32 = SIGTERM) async -> Int32 {
    guard let program = program.withLock({ $0 }) else { return 0 }
    program.signal(signal)
    do { return try await program.end().status } catch {
      Issue.record("\(error): \(lines.all.suffix(20).joined(separator: "\n"))")
      return -SIGKILL
    }
  }

  /// Waits until auth has a request under way.
  func waitForRequest() async throws {
    try await eventually("auth has a request under way") {
      let metrics = try await Visitor(base: auth).get("/metrics")
      let lines = String(decoding: metrics.body, as: UTF8.self).split(separator: "\n")
      return lines.contains { $0.hasPrefix("http_server_active_requests ") && !$0.hasSuffix(" 0") }
    }
  }

  /// How much was printed so far.
  func mark() -> Int { lines.count }

  func waitForLine(_ text: String, after mark: Int) async throws {
    try await lines.wait(for: text, after: mark) { isRunning }
  }

  /// Deletes its folder, and ends it where a test that failed left it running.
  func remove() {
    program.withLock { $0?.signal(SIGKILL) }
    try? FileManager.default.removeItem(at: folder)
  }

  /// Runs `gravity` to its end.
  static func run(
    _ arguments: [String], program: String? = nil, environment: [String: String] = [:], without removed: [String] = [],
    patience: Duration = .seconds(180)
  ) async throws -> (
    code: Int32, output: String, errors: String
  ) {
    let outcome = try await Program.run(
      [program ?? executable.path] + arguments,
      environment: Self.environment.merging(environment) { _, new in new }.filter { !removed.contains($0.key) },
      patience: patience)
    return (outcome.status, outcome.output, outcome.errors)
  }

  /// The command beside the tests.
  static let executable: URL = {
    let tests = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    return tests.appending(path: "gravity")
  }()

  /// Nothing of the developer's own settings, and logins that cost little.
  private static var environment: [String: String] {
    var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("GRAVITY_") }
    environment["GRAVITY_AUTH_BCRYPT_COST"] = "4"
    environment["GRAVITY_GATEWAY_SIGN_IN_LIMIT"] = "1000000"
    environment["GRAVITY_LOG_FORMAT"] = "json"
    environment["GRAVITY_ADMIN_EMAIL"] = "admin@example.com"
    environment["GRAVITY_ADMIN_PASSWORD"] = "tall-green-ladder-9"
    return environment
  }
}

/// The databases that the platform is tested on.
enum TestEngine: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case sqlite
  case postgresql

  static let server = ProcessInfo.processInfo.environment["GRAVITY_TEST_POSTGRES_URL"]
  static var available: [TestEngine] { server == nil ? [.sqlite] : [.sqlite, .postgresql] }
  var testDescription: String { rawValue }

  /// One server for all tests, so databases of each test have a name of their own.
  var environment: [String: String] {
    guard self == .postgresql, let server = Self.server else { return [:] }
    let suffix = UUID().uuidString.lowercased().prefix(8)
    return ["GRAVITY_POSTGRES_URL": server, "GRAVITY_POSTGRES_PREFIX": "e2e_\(suffix)_"]
  }
}
