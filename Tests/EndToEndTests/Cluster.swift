import Foundation

/// Several instances of every part, each a process of its own, over real servers: what an operator runs.
final class Cluster: Sendable {
  static let parts = ["auth", "user", "notification", "payment", "order", "product", "inventory", "gateway"]

  private static let process = ProcessInfo.processInfo.environment
  static let amqp = process["GRAVITY_TEST_AMQP_URL"]
  static var hasRedis: Bool { process["GRAVITY_TEST_REDIS_URL"] != nil }
  static var isPossible: Bool { TestEngine.available.contains(.postgresql) && amqp != nil }

  /// By part, then by instance.
  private let members: [String: [PlatformProcess]]
  private let environment: [String: String]
  private let folder: URL

  private init(members: [String: [PlatformProcess]], environment: [String: String], folder: URL) {
    self.members = members
    self.environment = environment
    self.folder = folder
  }

  var gateways: [String] { members["gateway", default: []].map(\.gateway) }
  func members(of part: String) -> [PlatformProcess] { members[part, default: []] }

  static func start(
    instances: Int, parts: [String] = parts, environment extra: [String: String] = [:]
  ) async throws -> Cluster {
    let folder = FileManager.default.temporaryDirectory.appending(path: "gravity-cluster-\(UUID().uuidString)")
    let offsets = (0..<instances).map { _ in PlatformProcess.freeOffset() }
    let environment = settings(offsets, parts).merging(extra) { $1 }
    // The first auth makes the first administrator and the keys; the others find them there.
    var members: [String: [PlatformProcess]] = [:]
    let first = try await PlatformProcess.serve(
      "auth", folder: folder, portOffset: offsets[0], environment: environment)
    members["auth"] = [first]
    do {
      try await withThrowingTaskGroup(of: (String, Int, PlatformProcess).self) { group in
        for part in parts {
          for (index, offset) in offsets.enumerated() where part != "auth" || index > 0 {
            group.addTask {
              let member = try await PlatformProcess.serve(
                part, folder: folder, portOffset: offset, environment: environment)
              return (part, index, member)
            }
          }
        }
        for try await (part, _, member) in group { members[part, default: []].append(member) }
      }
    } catch {
      for member in members.values.flatMap({ $0 }) { await member.stop(SIGKILL) }
      try? FileManager.default.removeItem(at: folder)
      throw error
    }
    return Cluster(members: members, environment: environment, folder: folder)
  }

  private static func settings(_ offsets: [Int], _ parts: [String]) -> [String: String] {
    var environment = SeparateProcessesTests.masterKey
    environment.merge(TestEngine.postgresql.environment) { $1 }
    environment["GRAVITY_AMQP_URL"] = amqp
    environment["GRAVITY_ADMIN_PASSWORD"] = "tall-green-ladder-9"
    environment["GRAVITY_ADMIN_EMAIL"] = "admin@example.com"
    // Longer than a gateway, or whoever stands before it, needs to see that somebody leaves.
    environment["GRAVITY_DEPARTURE"] = "3s"
    // Many pools on one server.
    environment["GRAVITY_POSTGRES_CONNECTIONS"] = "4"
    environment["GRAVITY_REDIS_URL"] = process["GRAVITY_TEST_REDIS_URL"]
    environment["GRAVITY_REDIS_PREFIX"] = "e2e-\(UUID().uuidString.lowercased().prefix(8))"
    if let consul = process["GRAVITY_TEST_CONSUL_URL"] {
      environment["CONSUL_HTTP_ADDR"] = consul
      environment["GRAVITY_CONSUL_PREFIX"] = "gravity-\(UUID().uuidString.lowercased().prefix(8))/"
    } else {
      let standard = [
        "auth": 8001, "user": 8002, "notification": 8003, "payment": 8005, "order": 8006, "product": 8007,
        "inventory": 8008,
      ]
      environment["GRAVITY_STATIC_REGISTRY"] = parts.compactMap { part in
        standard[part].map { port in
          "\(part)=" + offsets.map { "127.0.0.1:\(port + $0)" }.joined(separator: ",")
        }
      }.joined(separator: ";")
    }
    return environment
  }

  /// Ends one with SIGTERM, as a deployment does, and starts it again.
  /// - Returns: the code that it ended with.
  func restart(_ part: String, _ index: Int) async throws -> Int32 {
    let member = members(of: part)[index]
    let code = await member.stop()
    try await member.start(serving: part, environment: environment)
    return code
  }

  /// - Returns: the codes that they ended with, by part; the gateways first, as an operator would.
  @discardableResult func stop() async -> [String: [Int32]] {
    var codes: [String: [Int32]] = [:]
    await withTaskGroup(of: (String, Int32).self) { group in
      for (part, list) in members { for member in list { group.addTask { (part, await member.stop()) } } }
      for await (part, code) in group { codes[part, default: []].append(code) }
    }
    try? FileManager.default.removeItem(at: folder)
    return codes
  }

  /// Whatever is left of it.
  func remove() {
    for member in members.values.flatMap({ $0 }) where member.isRunning { kill(member.pid, SIGKILL) }
    try? FileManager.default.removeItem(at: folder)
  }
}
