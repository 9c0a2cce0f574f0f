import Foundation
import GravityEvents
import Patience
import RabbitMQEngine
import Synchronization
import TestServers
import Testing

/// A RabbitMQ server that one suite has for itself, made by `scripts/servers`. It takes long to start, so there is one,
/// and its tests hurt it one after the other.
final class PrivateServer: Sendable {
  @TaskLocal static var current: PrivateServer!

  static let bin = ProcessInfo.processInfo.environment["GRAVITY_TEST_RABBITMQ_BIN"]
  static var isPossible: Bool { bin != nil }

  let port: UInt16
  var url: String { "amqp://guest:guest@127.0.0.1:\(port)/" }
  private let folder: String

  private init(folder: String) async throws {
    self.folder = folder
    let output = try await shell([serversScript, "start", "--only", "rabbitmq", "--dir", folder])
    let line = try #require(output.split(separator: "\n").first { $0.contains("AMQP_URL=") })
    port = try #require(
      URL(string: String(line[line.index(after: line.firstIndex(of: "=")!)...]))?.port.map(UInt16.init))
  }

  static func with(_ body: () async throws -> Void) async throws {
    let folder = "/tmp/gravity-rabbit-\(UUID().uuidString.prefix(8))"
    do {
      let server = try await PrivateServer(folder: folder)
      try await $current.withValue(server) { try await body() }
    } catch {
      _ = try? await shell([serversScript, "stop", "--only", "rabbitmq", "--dir", folder])
      throw error
    }
    _ = try await shell([serversScript, "stop", "--only", "rabbitmq", "--dir", folder])
  }

  /// A broker over it, or over a proxy before it; bounds are short, since they are what is tested.
  func broker(
    port: UInt16? = nil, password: String = "guest", _ adjust: (inout RabbitMQBroker.Configuration) -> Void = { _ in }
  ) throws -> Running {
    var configuration = RabbitMQBroker.Configuration()
    configuration.heartbeat = .seconds(2)
    configuration.publishTimeout = .seconds(2)
    configuration.connectTimeout = .seconds(2)
    adjust(&configuration)
    return try Running(
      url: "amqp://guest:\(password)@127.0.0.1:\(port ?? self.port)/", configuration)
  }

  /// Ends it as a power failure would, and starts it again.
  func crash() async throws {
    signal(SIGKILL)
    try await eventually("it is dead") {
      (try? await shell([serversScript, "status", "--only", "rabbitmq", "--dir", folder])) == nil
    }
    _ = try await shell([serversScript, "start", "--only", "rabbitmq", "--dir", folder])
  }

  /// Returns when a new queue outlives a crash. RabbitMQ 3.10 writes down where the queue's log is only after half a
  /// second; killed before that, the queue comes back without a leader.
  func hasWrittenDown(_ queue: EventQueue) async throws {
    let data = URL(filePath: folder).appending(path: "rabbitmq/data")
    try await eventually("where the log of \(queue.name) is has been written down") {
      try FileManager.default.contentsOfDirectory(atPath: data.path).contains { node in
        let names = try? Data(contentsOf: data.appending(path: "\(node)/quorum/\(node)/names.dets"))
        return names?.firstRange(of: queue.name.utf8) != nil
      }
    }
  }

  /// Returns when what a client sends to the server has filled the sockets on the way, so that whoever writes is stuck.
  func isStuffed() async throws {
    try await eventually("what is sent waits") {
      // proc_net_tcp(5): local and remote address, state, and how much waits to go and to be read, in hexadecimal.
      // Not by Foundation, which reads the first page of it only.
      try await shell(["cat", "/proc/net/tcp"]).split(separator: "\n").contains { line in
        let fields = line.split(separator: " ")
        return fields[2].hasSuffix(":" + String(format: "%04X", Int(port))) && !fields[4].hasPrefix("00000000:")
      }
    }
  }

  func signal(_ signal: Int32) {
    guard let process else { return }
    kill(process, signal)
  }

  /// Stops it, and returns when each of its threads has stopped: until then it still answers.
  func freeze() async throws {
    let process = try #require(process)
    try await freezeProcess(process)
  }

  private var process: pid_t? {
    let text = (try? String(contentsOfFile: folder + "/rabbitmq/pid", encoding: .utf8)) ?? ""
    guard let process = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      Issue.record("no process number in \(text)")
      return nil
    }
    return process
  }

  @discardableResult
  func control(_ arguments: String...) async throws -> String {
    try await shell(
      [
        "sh", "-c", ". \(folder)/rabbitmq/environment; exec \"$@\"", "sh", "\(Self.bin!)/rabbitmqctl", "-q",
      ] + arguments)
  }
}

/// Gives a suite a private server.
struct HasPrivateServer: SuiteTrait, TestScoping {
  func provideScope(
    for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
  ) async throws {
    guard PrivateServer.isPossible else { return try await body() }
    try await PrivateServer.with { try await body() }
  }
}
