import Foundation
import GravityService
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// The processes that are killed.
protocol TortureVictims: Sendable {
  func start() async throws
  /// Kills one of them with SIGKILL and starts it again.
  /// - Parameter choice: which, by any number.
  /// - Returns: what was done, for the log.
  func kill(_ choice: UInt64) async throws -> String
  /// Lets the process that has that point of the code kill itself when it comes there for the `pass`th time.
  func arm(_ point: String, pass: Int) async throws -> String
  /// Starts again whatever does not run, with no fault armed.
  func mend() async throws
  func stop() async
}

/// A process of the platform that can be killed and started again.
final class Victim: Sendable {
  let name: String
  private let arguments: [String]
  private let environment: [String: String]
  private let log: URL
  private struct State {
    var process: Process?
    /// Ends with this program, however that comes, and with it a watched platform.
    var tether: FileHandle?
  }
  private let state = Mutex(State())

  init(name: String, arguments: [String], environment: [String: String], log: URL) {
    self.name = name
    self.arguments = arguments
    self.environment = environment
    self.log = log
  }

  var isRunning: Bool { state.withLock { $0.process?.isRunning ?? false } }
  var pid: Int32? { state.withLock { $0.process?.isRunning == true ? $0.process?.processIdentifier : nil } }

  func start(fault: String? = nil) throws {
    let process = Process()
    process.executableURL = URL(filePath: try Self.executable())
    process.arguments = arguments
    var environment = ProcessInfo.processInfo.environment.merging(environment) { _, own in own }
    environment["GRAVITY_FAULT"] = fault
    process.environment = environment
    if !FileManager.default.fileExists(atPath: log.path) {
      _ = FileManager.default.createFile(atPath: log.path, contents: nil)
    }
    let output = try FileHandle(forWritingTo: log)
    try output.seekToEnd()
    defer { try? output.close() }
    process.standardOutput = output
    process.standardError = output
    let tether = Pipe()
    process.standardInput = tether
    try process.run()
    // Closed here: what is left open at each of some thousand starts would be too much in the end.
    let former = state.withLock { state in
      defer { (state.process, state.tether) = (process, tether.fileHandleForWriting) }
      return state.tether
    }
    try former?.close()
  }

  /// At once, with nothing said to it.
  func kill() { if let pid { _ = Glibc.kill(pid, SIGKILL) } }

  func waitForEnd(atMost limit: Duration) async {
    let end = ContinuousClock.now + limit
    while isRunning, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(20)) }
  }

  func stop() async {
    if let pid { _ = Glibc.kill(pid, SIGTERM) }
    await waitForEnd(atMost: .seconds(30))
    kill()
    await waitForEnd(atMost: .seconds(5))
  }

  static func executable() throws -> String {
    guard let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else {
      throw StartFailure(.software, "the program cannot find its own file")
    }
    return path
  }
}

/// What every platform under torture is told.
enum TortureSettings {
  static let password = "tall-green-ladder-97"
  static let email = "torture@gravity.local"

  static func environment(_ folder: TortureFolder) -> [String: String] {
    [
      "GRAVITY_ADMIN_EMAIL": email, "GRAVITY_ADMIN_PASSWORD": password, "GRAVITY_AUTH_BCRYPT_COST": "4",
      "GRAVITY_GATEWAY_RATE_LIMIT": "1000000000", "GRAVITY_GATEWAY_SIGN_IN_LIMIT": "1000000000",
      "GRAVITY_GATEWAY_ACCESS_LOG": "false", "GRAVITY_LOG_LEVEL": "notice", "GRAVITY_LOG_FORMAT": "json",
      "GRAVITY_AUTH_ACCESS_TTL": "1h", "GRAVITY_ORDER_PAYMENT_WINDOW": "60s",
    ]
  }
}

/// `gravity up`: the whole platform in one process, watched by its supervisor.
final class EmbeddedVictims: TortureVictims {
  private let victim: Victim
  private let deaths = Mutex(0)

  init(folder: TortureFolder, portOffset: Int) throws {
    victim = Victim(
      name: "platform",
      arguments: [
        "up", "--quiet", "--data-dir", folder.url.appending(path: "data").path, "--port-offset", "\(portOffset)",
      ],
      // Without a supervisor of its own: the torturer is the supervisor.
      environment: TortureSettings.environment(folder).merging(["GRAVITY_WATCHED": "1"]) { $1 },
      log: folder.url.appending(path: "platform.log"))
  }

  func start() async throws { try victim.start() }

  func kill(_ choice: UInt64) async throws -> String {
    victim.kill()
    await victim.waitForEnd(atMost: .seconds(10))
    try victim.start()
    return "killed the platform"
  }

  func arm(_ point: String, pass: Int) async throws -> String {
    victim.kill()
    await victim.waitForEnd(atMost: .seconds(10))
    try victim.start(fault: "\(point)@\(pass)")
    return "armed \(point), pass \(pass)"
  }

  func mend() async throws { if !victim.isRunning { try victim.start() } }
  func stop() async { await victim.stop() }
}
