import Foundation
import GravityService
import Synchronization

/// A process for the gateway and for each service, on PostgreSQL and RabbitMQ, which are killed, too.
final class DistributedVictims: TortureVictims {
  private let victims: [Victim]
  private let servers: TortureServers

  init(folder: TortureFolder, portOffset: Int) async throws {
    servers = try TortureServers(folder: folder)
    let addresses = try await servers.start()
    var environment = TortureSettings.environment(folder)
    environment["GRAVITY_POSTGRES_URL"] = addresses.postgres
    environment["GRAVITY_AMQP_URL"] = addresses.amqp
    environment["GRAVITY_POSTGRES_CONNECTIONS"] = "8"
    environment["GRAVITY_MASTER_KEY"] = Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString()
    let common = environment
    victims = Catalog.names.map { name in
      Victim(
        name: name,
        arguments: [
          "serve", name, "--data-dir", folder.url.appending(path: "data").path, "--port-offset", "\(portOffset)",
        ], environment: common, log: folder.url.appending(path: "\(name).log"))
    }
  }

  func start() async throws { for victim in victims { try victim.start() } }

  func kill(_ choice: UInt64) async throws -> String {
    let count = UInt64(victims.count + TortureServers.names.count)
    let index = Int(choice % count)
    guard index < victims.count else {
      let server = TortureServers.names[index - victims.count]
      try await servers.kill(server)
      return "killed \(server)"
    }
    let victim = victims[index]
    victim.kill()
    await victim.waitForEnd(atMost: .seconds(10))
    try victim.start()
    return "killed \(victim.name)"
  }

  /// Points are named after the service that has them, but for those of the kit, which order passes most.
  func arm(_ point: String, pass: Int) async throws -> String {
    let owner = victims.first { point.hasPrefix($0.name + ".") } ?? victims.first { $0.name == "order" }
    guard let victim = owner else { return "armed nothing" }
    victim.kill()
    await victim.waitForEnd(atMost: .seconds(10))
    try victim.start(fault: "\(point)@\(pass)")
    return "armed \(point) of \(victim.name), pass \(pass)"
  }

  func mend() async throws {
    _ = try await servers.start()
    for victim in victims where !victim.isRunning { try victim.start() }
  }

  func stop() async {
    await withTaskGroup(of: Void.self) { group in
      for victim in victims { group.addTask { await victim.stop() } }
    }
    await servers.stop()
  }
}

/// Servers of the run's own, by `scripts/servers`.
struct TortureServers: Sendable {
  static let names = ["postgres", "rabbitmq"]
  private let script: String
  private let folder: URL

  init(folder: TortureFolder) throws {
    self.folder = folder.url.appending(path: "servers")
    var place = URL(filePath: try Victim.executable()).deletingLastPathComponent()
    while place.path != "/", !FileManager.default.fileExists(atPath: place.appending(path: "scripts/servers").path) {
      place.deleteLastPathComponent()
    }
    script = place.appending(path: "scripts/servers").path
    guard FileManager.default.isExecutableFile(atPath: script) else {
      throw StartFailure(
        .unavailable, "scripts/servers is not above this program: run it from a checkout, or with --engines embedded")
    }
    try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: self.folder.path)
  }

  /// Starts what does not run, where it was.
  func start() async throws -> (postgres: String, amqp: String) {
    let lines = try await run("start")
    func value(_ name: String) throws -> String {
      guard let line = lines.split(separator: "\n").first(where: { $0.hasPrefix("export \(name)=") }) else {
        throw StartFailure(.unavailable, "scripts/servers did not say \(name)")
      }
      return String(line.dropFirst("export \(name)=".count))
    }
    return (try value("GRAVITY_TEST_POSTGRES_URL"), try value("GRAVITY_TEST_AMQP_URL"))
  }

  /// At once, then starts it again.
  func kill(_ name: String) async throws {
    let file = name == "postgres" ? "postgres/data/postmaster.pid" : "rabbitmq/pid"
    let text = try? String(contentsOf: folder.appending(path: file), encoding: .utf8)
    if let pid = text?.split(separator: "\n").first.flatMap({ Int32($0) }) {
      // Its children end with it.
      _ = signal(pid)
    }
    _ = try await start()
  }

  private func signal(_ pid: Int32) -> Bool { Foundation.kill(pid, SIGKILL) == 0 }

  func stop() async { _ = try? await run("stop") }

  private func run(_ command: String) async throws -> String {
    let (script, folder) = (script, folder)
    // A file: servers that the script leaves running would keep a pipe open.
    let output = folder.appending(path: "output")
    _ = FileManager.default.createFile(atPath: output.path, contents: nil)
    let process = Process()
    process.executableURL = URL(filePath: script)
    process.arguments = [command, "--dir", folder.path]
    let writing = try FileHandle(forWritingTo: output)
    defer { try? writing.close() }
    process.standardOutput = writing
    process.standardInput = FileHandle.nullDevice
    let code: Int32 = try await withCheckedThrowingContinuation { continuation in
      process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
      do { try process.run() } catch {
        process.terminationHandler = nil
        continuation.resume(throwing: error)
      }
    }
    guard code == 0 else { throw StartFailure(.unavailable, "scripts/servers \(command) ended with \(code)") }
    return try String(contentsOf: output, encoding: .utf8)
  }
}
