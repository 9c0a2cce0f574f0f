import Foundation
import Patience
import TestServers
import Testing

@testable import RedisEngine

/// A Redis server that one test has for itself, made by `scripts/servers`, so that it can be hurt.
final class PrivateServer: Sendable {
  static let bin = ProcessInfo.processInfo.environment["GRAVITY_TEST_REDIS_BIN"]
  static var isPossible: Bool { bin != nil }

  let port: UInt16
  let folder: String
  var url: String { "redis://127.0.0.1:\(port)" }

  private init(folder: String) async throws {
    self.folder = folder
    let output = try await shell([serversScript, "start", "--only", "redis", "--dir", folder])
    let line = try #require(output.split(separator: "\n").first { $0.contains("REDIS_URL=") })
    port = try #require(
      URL(string: String(line[line.index(after: line.firstIndex(of: "=")!)...]))?.port.map(UInt16.init))
  }

  static func with(_ body: (PrivateServer) async throws -> Void) async throws {
    let folder = "/tmp/gravity-redis-\(UUID().uuidString.prefix(8))"
    do {
      try await body(try await PrivateServer(folder: folder))
    } catch {
      _ = try? await shell([serversScript, "stop", "--only", "redis", "--dir", folder])
      throw error
    }
    try await shell([serversScript, "stop", "--only", "redis", "--dir", folder])
  }

  /// A client of it, or of a proxy before it; bounds are short, since they are what is tested.
  func client(
    _ url: String? = nil, port: UInt16? = nil, _ adjust: (inout RedisClient.Configuration) -> Void = { _ in }
  ) throws -> RunningClient {
    var configuration = RedisClient.Configuration()
    // The machine may be busy; what fails ends the wait by itself.
    configuration.commandTimeout = .seconds(10)
    configuration.connectTimeout = .seconds(5)
    configuration.pingInterval = .milliseconds(200)
    configuration.connectGrace = .seconds(5)
    adjust(&configuration)
    return try RunningClient(url ?? "redis://127.0.0.1:\(port ?? self.port)", configuration)
  }

  /// Ends it as a power failure would.
  func kill() async throws {
    signal(SIGKILL)
    try await eventually("it is dead") {
      (try? await shell([serversScript, "status", "--only", "redis", "--dir", folder])) == nil
    }
  }

  /// On the port that it had, and with nothing in it.
  func start() async throws { try await shell([serversScript, "start", "--only", "redis", "--dir", folder]) }

  func signal(_ signal: Int32) {
    guard let process else { return }
    Foundation.kill(process, signal)
  }

  func freeze() async throws { try await freezeProcess(try #require(process)) }

  private var process: pid_t? {
    let text = (try? String(contentsOfFile: folder + "/redis/pid", encoding: .utf8)) ?? ""
    guard let process = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      Issue.record("no process number in \(text)")
      return nil
    }
    return process
  }

  /// As the server's operator.
  @discardableResult
  func control(_ arguments: String...) async throws -> String {
    try await shell(["\(Self.bin!)/redis-cli", "-p", "\(port)"] + arguments)
  }
}
