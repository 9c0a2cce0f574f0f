import Foundation
import TestServers
import Testing

/// A server that one test has for itself and may set badly, in a folder of its own, made by `scripts/servers`.
struct PrivateServers: Sendable {
  enum Kind: String { case postgres, rabbitmq }

  let url: String
  let folder: String

  static func with(_ kind: Kind, _ body: (PrivateServers) async throws -> Void) async throws {
    let folder = "/tmp/gravity-e2e-\(kind.rawValue)-\(UUID().uuidString.prefix(8))"
    let output = try await shell([serversScript, "start", "--only", kind.rawValue, "--dir", folder])
    let line = try #require(output.split(separator: "\n").first { $0.contains("_URL=") })
    let server = PrivateServers(url: String(line[line.index(after: line.firstIndex(of: "=")!)...]), folder: folder)
    do { try await body(server) } catch {
      _ = try? await shell([serversScript, "stop", "--only", kind.rawValue, "--dir", folder])
      throw error
    }
    _ = try await shell([serversScript, "stop", "--only", kind.rawValue, "--dir", folder])
  }

  /// Each statement by itself, since `ALTER SYSTEM` takes no company.
  func psql(_ statements: String...) async throws {
    let bin = ProcessInfo.processInfo.environment["GRAVITY_TEST_POSTGRES_BIN"] ?? ""
    for statement in statements {
      _ = try await shell([bin + "/psql", "-qX", "-v", "ON_ERROR_STOP=1", "-c", statement, url])
    }
  }

  func rabbitmqctl(_ arguments: String...) async throws {
    let bin = ProcessInfo.processInfo.environment["GRAVITY_TEST_RABBITMQ_BIN"] ?? ""
    _ = try await shell(
      ["sh", "-c", ". \(folder)/rabbitmq/environment; exec \"$@\"", "sh", "\(bin)/rabbitmqctl", "-q"] + arguments)
  }
}
