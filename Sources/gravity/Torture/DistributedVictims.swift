import Foundation
import GravityService
import Synchronization

/// A process for the gateway and for each service, on PostgreSQL, RabbitMQ, Redis and, where it can be had, Consul, which
/// are killed, too.
final class DistributedVictims: TortureVictims {
  private let victims: [Victim]
  private let servers: TortureServers

  init(folder: TortureFolder, portOffset: Int) async throws {
    servers = try TortureServers(folder: folder)
    let addresses = try await servers.start()
    var environment = TortureSettings.environment(folder)
    environment.merge(addresses) { $1 }
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
    try await servers.start()
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
  /// With the file that has the server's process number.
  private static let files = [
    "postgres": "postgres/data/postmaster.pid", "rabbitmq": "rabbitmq/pid", "redis": "redis/pid",
    "consul": "consul/pid",
  ]
  static let names = files.keys.sorted()
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
  /// - Returns: The settings that name the servers.
  @discardableResult func start() async throws -> [String: String] {
    let lines = try await run("start").split(separator: "\n")
    func value(_ name: String) -> String? {
      lines.first { $0.hasPrefix("export \(name)=") }.map { String($0.dropFirst("export \(name)=".count)) }
    }
    var settings: [String: String] = [:]
    for (setting, name) in [
      ("GRAVITY_POSTGRES_URL", "GRAVITY_TEST_POSTGRES_URL"), ("GRAVITY_AMQP_URL", "GRAVITY_TEST_AMQP_URL"),
      ("GRAVITY_REDIS_URL", "GRAVITY_TEST_REDIS_URL"),
    ] {
      guard let value = value(name) else { throw StartFailure(.unavailable, "scripts/servers did not say \(name)") }
      settings[setting] = value
    }
    // Debian 12 has none; without it, places are fixed.
    settings["CONSUL_HTTP_ADDR"] = value("GRAVITY_TEST_CONSUL_URL")
    return settings
  }

  /// At once, then starts it again.
  func kill(_ name: String) async throws {
    let text = try? String(contentsOf: folder.appending(path: Self.files[name] ?? ""), encoding: .utf8)
    if let pid = text?.split(separator: "\n").first.flatMap({ Int32($0) }) {
      // Its children end with it.
      _ = signal(pid)
    }
    try await start()
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
