import AsyncHTTPClient
import Foundation
import GravityContracts
import NIOCore
import Synchronization
import Testing

/// A real `gravity` in processes of its own, on ports and a folder of its own.
final class PlatformProcess: Sendable {
  let folder: URL
  let portOffset: Int
  private let process: Mutex<Process?>
  private let lines = Lines()

  var gateway: String { "http://127.0.0.1:\(8000 + portOffset)" }
  var auth: String { "http://127.0.0.1:\(8001 + portOffset)" }

  /// Each platform of a test run has twenty ports to itself; runs side by side are told apart by their process id.
  private static let next = Atomic(0)

  private init(folder: URL, portOffset: Int) {
    self.folder = folder
    self.portOffset = portOffset
    process = Mutex(nil)
  }

  /// Starts `gravity up` and waits until it says that it is ready.
  static func up(
    environment: [String: String] = [:], arguments: [String] = [], on engine: TestEngine = .sqlite
  ) async throws -> PlatformProcess {
    let platform = unstarted()
    try await platform.start(
      environment: engine.environment.merging(environment) { _, new in new }, arguments: arguments)
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
    let process = Process()
    process.executableURL = Self.executable
    let command = service.map { ["serve", $0] } ?? ["up"]
    process.arguments = command + ["--data-dir", folder.path, "--port-offset", "\(portOffset)"] + arguments
    process.environment = Self.environment.merging(environment) { _, new in new }
    let (out, err) = (Pipe(), Pipe())
    process.standardOutput = out
    process.standardError = err
    lines.follow(out.fileHandleForReading)
    lines.follow(err.fileHandleForReading)
    let mark = lines.mark()
    lines.noteEnd(of: process)
    try process.run()
    self.process.withLock { $0 = process }
    try await lines.wait(for: "is ready", after: mark)
  }

  /// What it printed and logged so far.
  var output: String { lines.all.joined(separator: "\n") }

  /// The process that watches; its child dies with it.
  var pid: Int32 { process.withLock { $0?.processIdentifier ?? 0 } }

  var isRunning: Bool { process.withLock { $0?.isRunning ?? false } }

  /// The process that does the work.
  var worker: Int32? {
    // A child belongs to the thread that started it.
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
    return threads.lazy.compactMap { thread in
      let children = try? String(contentsOfFile: "/proc/\(self.pid)/task/\(thread)/children", encoding: .utf8)
      return children.flatMap { Int32($0.split(separator: " ").first ?? "") }
    }.first
  }

  /// - Returns: the exit code, or minus the signal.
  @discardableResult func stop(_ signal: Int32 = SIGTERM) async -> Int32 {
    guard let process = process.withLock({ $0 }) else { return 0 }
    if process.isRunning { kill(process.processIdentifier, signal) }
    return await Self.exit(of: process)
  }

  /// Waits until auth has a request under way.
  func waitForRequest() async throws {
    while true {
      let metrics = try await Visitor(base: auth).get("/metrics")
      let lines = String(decoding: metrics.body, as: UTF8.self).split(separator: "\n")
      if lines.contains(where: { $0.hasPrefix("http_server_active_requests ") && !$0.hasSuffix(" 0") }) { return }
    }
  }

  /// How much was printed so far.
  func mark() -> Int { lines.count }

  func waitForLine(_ text: String, after mark: Int) async throws { try await lines.wait(for: text, after: mark) }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  /// Runs `gravity` to its end.
  static func run(
    _ arguments: [String], program: String? = nil, environment: [String: String] = [:], without removed: [String] = []
  ) async throws -> (
    code: Int32, output: String, errors: String
  ) {
    let process = Process()
    process.executableURL = program.map { URL(filePath: $0) } ?? executable
    process.arguments = arguments
    process.environment = Self.environment.merging(environment) { _, new in new }.filter { !removed.contains($0.key) }
    let (out, err) = (Pipe(), Pipe())
    process.standardOutput = out
    process.standardError = err
    process.standardInput = FileHandle.nullDevice
    try process.run()
    async let output = read(out)
    async let errors = read(err)
    let (text, complaints) = await (output, errors)
    return (await exit(of: process), text, complaints)
  }

  private static func read(_ pipe: Pipe) async -> String {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(returning: String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self))
      }
    }
  }

  private static func exit(of process: Process) async -> Int32 {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        process.waitUntilExit()
        let status = process.terminationStatus
        continuation.resume(returning: process.terminationReason == .uncaughtSignal ? -status : status)
      }
    }
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

/// Lines that a process printed, awaited as they come.
private final class Lines: Sendable {
  private struct State {
    var lines: [String] = []
    var hasEnded = false
    /// Which start it is: the end of a former one may be told late.
    var start = 0
    var waiting: [(text: String, continuation: CheckedContinuation<Void, any Error>)] = []
  }
  private let state = Mutex(State())
  struct Ended: Error, CustomStringConvertible {
    var description: String
  }

  var all: [String] { state.withLock { $0.lines } }
  var count: Int { state.withLock { $0.lines.count } }

  /// Before a process starts: what was printed until now is another's.
  func mark() -> Int {
    state.withLock { state in
      state.hasEnded = false
      state.start += 1
      return state.lines.count
    }
  }

  func follow(_ handle: FileHandle) {
    Thread.detachNewThread { [self] in
      var rest = Data()
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        // Not `availableData`, which ends the whole program when a signal interrupts it.
        let count = read(handle.fileDescriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        if count <= 0 { return }
        rest += buffer[..<count]
        while let end = rest.firstIndex(of: 0x0A) {
          add(String(decoding: rest[..<end], as: UTF8.self))
          rest = Data(rest[(end + 1)...])
        }
      }
    }
  }

  /// Fails whoever waits when the process ends.
  func noteEnd(of process: Process) {
    let start = state.withLock { $0.start }
    process.terminationHandler = { [self] process in
      let waiting = state.withLock { state in
        guard state.start == start else {
          return [(text: String, continuation: CheckedContinuation<Void, any Error>)]()
        }
        state.hasEnded = true
        defer { state.waiting = [] }
        return state.waiting
      }
      for waiter in waiting {
        waiter.continuation.resume(
          throwing: Ended(
            description: "ended with \(process.terminationStatus): \(all.suffix(20).joined(separator: "\n"))"))
      }
    }
  }

  private func add(_ line: String) {
    let done = state.withLock { state in
      state.lines.append(line)
      let done = state.waiting.filter { line.contains($0.text) }
      state.waiting.removeAll { line.contains($0.text) }
      return done
    }
    for waiter in done { waiter.continuation.resume() }
  }

  /// Waits for a line beyond the first `mark`, or the end of the process.
  func wait(for text: String, after mark: Int) async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      let outcome: Result<Void, any Error>? = state.withLock { state in
        if state.lines.dropFirst(mark).contains(where: { $0.contains(text) }) { return .success(()) }
        if state.hasEnded { return .failure(Ended(description: state.lines.suffix(20).joined(separator: "\n"))) }
        state.waiting.append((text, continuation))
        return nil
      }
      if let outcome { continuation.resume(with: outcome) }
    }
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
