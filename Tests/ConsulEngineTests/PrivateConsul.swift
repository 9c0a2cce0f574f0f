import Foundation
import Patience
import TestServers
import Testing

@testable import ConsulEngine

/// The agent that `scripts/servers` has started.
enum TestAgent {
  static let url = ProcessInfo.processInfo.environment["GRAVITY_TEST_CONSUL_URL"]
  static var missing: Comment { "GRAVITY_TEST_CONSUL_URL is not set, or Consul cannot be had here" }
  static var address: ConsulAddress { get throws { try ConsulAddress(#require(url)) } }
}

/// An agent that one test has for itself and may hurt, made by `scripts/servers`.
final class PrivateConsul: Sendable {
  let address: ConsulAddress
  private let folder: String
  private let masterToken: String?

  private init(folder: String, masterToken: String?) async throws {
    self.folder = folder
    self.masterToken = masterToken
    let output = try await shell(Self.command("start", folder, masterToken))
    let line = try #require(output.split(separator: "\n").first { $0.contains("CONSUL_URL=") })
    address = try ConsulAddress(String(line[line.index(after: line.firstIndex(of: "=")!)...]))
  }

  /// - Parameter masterToken: With one, nothing is allowed without a token.
  static func with(masterToken: String? = nil, _ body: (PrivateConsul) async throws -> Void) async throws {
    let folder = "/tmp/gravity-consul-\(UUID().uuidString.prefix(8))"
    do {
      try await body(try await PrivateConsul(folder: folder, masterToken: masterToken))
    } catch {
      _ = try? await shell(command("stop", folder, nil))
      throw error
    }
    _ = try await shell(command("stop", folder, nil))
  }

  private static func command(_ verb: String, _ folder: String, _ token: String?) -> [String] {
    (token.map { ["env", "GRAVITY_TEST_CONSUL_MASTER_TOKEN=\($0)"] } ?? [])
      + [serversScript, verb, "--only", "consul", "--dir", folder]
  }

  /// Ends it as a power failure would.
  func kill() async throws {
    signal(SIGKILL)
    try await eventually("it is dead") {
      (try? await shell(Self.command("status", self.folder, nil))) == nil
    }
  }

  /// Starts it again where it was. It keeps nothing, so it knows nobody.
  func start() async throws { _ = try await shell(Self.command("start", folder, masterToken)) }

  func signal(_ signal: Int32) { if let process { Foundation.kill(process, signal) } }

  /// Returns when none of its threads answers any more.
  func freeze() async throws { try await freezeProcess(try #require(process)) }

  private var process: pid_t? {
    let text = (try? String(contentsOfFile: folder + "/consul/pid", encoding: .utf8)) ?? ""
    let process = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))
    if process == nil { Issue.record("no process number in \(text)") }
    return process
  }
}
