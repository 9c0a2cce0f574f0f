import Foundation
import GravityDiscovery
import Logging
import NIOPosix
import RedisEngine

/// The Redis server, where one is named.
enum RedisFindings {
  static func all(_ configuration: PlatformConfiguration) async -> [Finding] {
    guard let url = try? configuration.layers.optional(Settings.redisURL) else { return [] }
    let client: RedisClient
    do throws(RedisError) {
      client = try RedisClient(
        url: url, group: MultiThreadedEventLoopGroup.singleton,
        logger: Logger(label: "doctor") { _ in
          SwiftLogNoOpLogHandler()
        })
    } catch {
      return [
        Finding(
          subject, "Redis: \(error)", remedy: "write GRAVITY_REDIS_URL as redis://USER:PASSWORD@HOST:6379/0, or rediss:"
        )
      ]
    }
    let running = Task { try await client.run() }
    defer { running.cancel() }
    do {
      // The first connection may take longer than a command waits for one.
      let end = ContinuousClock.now + .seconds(4)
      while client.trouble != nil, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(50)) }
      return findings(of: try await client.inspect()) + exposure(url)
    } catch {
      return [Finding(subject, "Redis: \(client.trouble ?? "\(error)")", remedy: remedy(for: error))] + exposure(url)
    }
  }

  private static let subject = "redis"

  static func findings(of report: RedisServerReport) -> [Finding] {
    var findings: [Finding] = []
    if isOld(report.version) {
      findings.append(
        Finding(
          subject, "Redis \(report.version) is older than 6.2, whose commands are needed",
          remedy: "upgrade the server to 6.2 or later"))
    }
    findings += report.findings.map { text in
      // What to do stands behind the colon.
      let parts = text.split(separator: ": ", maxSplits: 1).map(String.init)
      return Finding(subject, "Redis: \(parts[0])", remedy: parts.count > 1 ? parts[1] : "see redis.md")
    }
    if findings.isEmpty { findings.append(Finding(subject, "Redis \(report.version): answers, and evicts nothing")) }
    return findings
  }

  static func isOld(_ version: String) -> Bool {
    let numbers = version.split(separator: ".").map { Int($0.prefix { $0.isNumber }) ?? 0 }
    guard let major = numbers.first else { return false }
    return (major, numbers.count > 1 ? numbers[1] : 0) < (6, 2)
  }

  private static func remedy(for error: any Error) -> String {
    switch (error as? RedisError)?.code {
    case .refused:
      "give the user of GRAVITY_REDIS_URL what redis.md lists: ACL SETUSER NAME +info …"
    default: "check that Redis runs and that GRAVITY_REDIS_URL names its host, port, user and password"
    }
  }

  private static func exposure(_ url: String) -> [Finding] {
    guard let host = ServerHost(url), !host.isLoopback, let components = URLComponents(string: url) else { return [] }
    var findings: [Finding] = []
    if components.password == nil {
      findings.append(
        Finding(
          subject, "Redis at \(host.name) takes commands without a password",
          remedy: "set one (ACL SETUSER, or requirepass) and write it into GRAVITY_REDIS_URL"))
    }
    if components.scheme?.lowercased() == "redis" {
      findings.append(
        Finding(
          subject, "Redis: what goes to \(host.name) is not encrypted",
          remedy: "write GRAVITY_REDIS_URL as rediss://…?cacert=FILE"))
    }
    return findings
  }
}
