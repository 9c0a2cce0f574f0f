import Foundation
import RabbitMQEngine
import Synchronization
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
    let output = try await shell([script, "start", "--only", "rabbitmq", "--dir", folder])
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
      _ = try? await shell([script, "stop", "--only", "rabbitmq", "--dir", folder])
      throw error
    }
    _ = try await shell([script, "stop", "--only", "rabbitmq", "--dir", folder])
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
      (try? await shell([script, "status", "--only", "rabbitmq", "--dir", folder])) == nil
    }
    _ = try await shell([script, "start", "--only", "rabbitmq", "--dir", folder])
  }

  func signal(_ signal: Int32) {
    guard let process else { return }
    kill(process, signal)
  }

  /// Stops it, and returns when each of its threads has stopped: until then it still answers.
  func freeze() async throws {
    let process = try #require(process)
    kill(process, SIGSTOP)
    try await eventually("it has stopped") {
      let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
      return try threads.allSatisfy { thread in
        let line = try String(contentsOfFile: "/proc/\(process)/task/\(thread)/stat", encoding: .utf8)
        // The state stands behind the name, which is in parentheses and may hold some itself.
        return line[line.index(after: line.lastIndex(of: ")")!)...].hasPrefix(" T")
      }
    }
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

private let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appending(path: "scripts/servers").path(percentEncoded: false)

private struct Failure: Error { var what: String }

private func shell(_ command: [String]) async throws -> String {
  try await withCheckedThrowingContinuation { continuation in
    Thread { continuation.resume(with: Result { try run(command) }) }.start()
  }
}

/// Through `popen`: waiting for Foundation's `Process` needs a run loop.
private func run(_ command: [String]) throws -> String {
  let quoted = command.map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
  // The server must not inherit the pipe, or we would read until it ends.
  let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path(percentEncoded: false)
  defer { unlink(file) }
  guard let stream = popen("cd / && \(quoted) >\(file) 2>&1 </dev/null", "r") else { throw Failure(what: "popen") }
  let status = pclose(stream)
  let output = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
  guard status == 0 else { throw Failure(what: "\(quoted): \(output)") }
  return output
}
