import Foundation
import Patience
import TestServers
import Testing

@testable import RedisEngine

/// Three primaries that share the slots, and replicas, that one test has for itself.
final class PrivateCluster: Sendable {
  let ports: [Int]
  private let folder: String

  private init(folder: String, ports: [Int]) {
    (self.folder, self.ports) = (folder, ports)
  }

  /// - Parameter replicas: How many besides, the first of them of the first primary.
  static func with(replicas: Int = 0, _ body: (PrivateCluster) async throws -> Void) async throws {
    let folder = "/tmp/gravity-redis-cluster-\(UUID().uuidString.prefix(8))"
    let cluster = PrivateCluster(folder: folder, ports: freePorts(3 + replicas))
    do {
      try await cluster.start(replicas: replicas)
      try await body(cluster)
    } catch {
      await cluster.stop()
      throw error
    }
    await cluster.stop()
  }

  /// That follow one another. A node's bus is 10 000 above its port: all below what the system gives to outgoing
  /// connections, where the servers of other tests are, too.
  private static func freePorts(_ count: Int) -> [Int] {
    while true {
      let first = 20_000 + Int.random(in: 0..<190) * 10
      let ports = (0..<count).map { first + $0 }
      if (ports + ports.map { $0 + 10_000 }).allSatisfy(TCPProxy.isFree) { return ports }
    }
  }

  private func start(replicas: Int) async throws {
    let bin = try #require(PrivateServer.bin)
    for port in ports {
      let home = "\(folder)/\(port)"
      try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
      try await shell([
        "\(bin)/redis-server", "--bind", "127.0.0.1", "--port", "\(port)", "--dir", home, "--pidfile", "\(home)/pid",
        "--logfile", "\(home)/log", "--daemonize", "yes", "--appendonly", "no", "--save", "", "--cluster-enabled",
        "yes",
        "--cluster-node-timeout", "1000", "--cluster-config-file", "nodes.conf", "--cluster-require-full-coverage",
        "no",
      ])
      try await eventually("node \(port) is there") { (try? await control(port, "ping"))?.contains("PONG") == true }
    }
    try await shell(
      ["\(bin)/redis-cli", "--cluster", "create"] + ports.prefix(3).map { "127.0.0.1:\($0)" } + ["--cluster-yes"])
    try await eventually("the nodes agree") {
      for port in ports.prefix(3) where try await !control(port, "cluster", "info").contains("cluster_state:ok") {
        return false
      }
      return true
    }
    for port in ports.dropFirst(3) {
      try await shell([
        "\(bin)/redis-cli", "--cluster", "add-node", "127.0.0.1:\(port)", "127.0.0.1:\(ports[0])", "--cluster-slave",
        "--cluster-master-id", try await control(ports[0], "cluster", "myid"),
      ])
      try await eventually("the replica follows") {
        try await control(port, "info", "replication").contains("master_link_status:up")
      }
    }
  }

  func kill(_ port: Int) throws {
    let text = try String(contentsOfFile: "\(folder)/\(port)/pid", encoding: .utf8)
    Foundation.kill(try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))), SIGKILL)
  }

  private func stop() async {
    for port in ports { try? kill(port) }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// As the operator of one node.
  @discardableResult
  func control(_ port: Int, _ arguments: String...) async throws -> String {
    try await shell(["\(PrivateServer.bin!)/redis-cli", "-p", "\(port)"] + arguments)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The primary that has a key's slot.
  func owner(of key: String) async throws -> Int {
    for port in ports.prefix(3) {
      let reply = try await control(port, "get", key)
      if !reply.contains("MOVED") { return port }
    }
    throw ShellFailure(what: "nobody has the slot of \(key)")
  }

  func client(_ port: Int? = nil) throws -> RunningClient {
    var configuration = RedisClient.Configuration()
    configuration.connectGrace = .seconds(5)
    configuration.commandTimeout = .seconds(5)
    return try RunningClient("redis://127.0.0.1:\(port ?? ports[0])", configuration)
  }
}
