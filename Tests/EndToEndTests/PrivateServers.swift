import Foundation
import Testing

/// A server that one test has for itself and may set badly, in a folder of its own, made by `scripts/servers`.
struct PrivateServers: Sendable {
  enum Kind: String { case postgres, rabbitmq }

  let url: String
  let folder: String

  static func with(_ kind: Kind, _ body: (PrivateServers) async throws -> Void) async throws {
    let folder = "/tmp/gravity-e2e-\(kind.rawValue)-\(UUID().uuidString.prefix(8))"
    let output = try await shell([script, "start", "--only", kind.rawValue, "--dir", folder])
    let line = try #require(output.split(separator: "\n").first { $0.contains("_URL=") })
    let server = PrivateServers(url: String(line[line.index(after: line.firstIndex(of: "=")!)...]), folder: folder)
    do { try await body(server) } catch {
      _ = try? await shell([script, "stop", "--only", kind.rawValue, "--dir", folder])
      throw error
    }
    _ = try await shell([script, "stop", "--only", kind.rawValue, "--dir", folder])
  }

  /// Each statement by itself, since `ALTER SYSTEM` takes no company.
  func psql(_ statements: String...) async throws {
    let bin = ProcessInfo.processInfo.environment["GRAVITY_TEST_POSTGRES_BIN"] ?? ""
    for statement in statements {
      _ = try await Self.shell([bin + "/psql", "-qX", "-v", "ON_ERROR_STOP=1", "-c", statement, url])
    }
  }

  func rabbitmqctl(_ arguments: String...) async throws {
    let bin = ProcessInfo.processInfo.environment["GRAVITY_TEST_RABBITMQ_BIN"] ?? ""
    _ = try await Self.shell(
      ["sh", "-c", ". \(folder)/rabbitmq/environment; exec \"$@\"", "sh", "\(bin)/rabbitmqctl", "-q"] + arguments)
  }

  private static let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "scripts/servers").path(percentEncoded: false)

  private struct Failure: Error { var what: String }

  private static func shell(_ command: [String]) async throws -> String {
    try await withCheckedThrowingContinuation { continuation in
      Thread { continuation.resume(with: Result { try run(command) }) }.start()
    }
  }

  private static func run(_ command: [String]) throws -> String {
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
}
