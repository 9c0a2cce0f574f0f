import Logging
import ArgumentParser
import AsyncHTTPClient
import Foundation
import GravityData
import GravityDiscovery
import GravityEvents
import GravityIdentity
import GravityService
import GravityTelemetry
import NIOCore
import NIOHTTP1
import NIOPosix
import RabbitMQEngine

struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what is wrong with this set-up, and how to mend it.")
  @OptionGroup var options: PlatformOptions

  func run() async throws {
    let configuration = try PlatformConfiguration(try await options.configuration())
    var findings = [Self.folder(configuration), Self.masterKey(configuration)]
    findings += await Self.ports(configuration)
    findings += await Self.databases(configuration)
    findings += await Self.broker(configuration)
    findings += Self.exposure(configuration)
    for finding in findings { print(finding) }
    let faults = findings.filter { $0.remedy != nil }.count
    print(faults == 0 ? "All is well." : "\(faults) thing\(faults == 1 ? "" : "s") to mend.")
    if faults > 0 { throw ExitCode(1) }
  }

  /// One thing that was looked at.
  struct Finding: CustomStringConvertible {
    var what: String
    /// How to mend it; nil when it is well.
    var remedy: String?
    var description: String { remedy.map { "✗ \(what)\n    → \($0)" } ?? "✓ \(what)" }
  }

  private static func folder(_ configuration: PlatformConfiguration) -> Finding {
    let path = configuration.dataDirectory
    do {
      let directory = try DataDirectory(path)
      let attributes = try FileManager.default.attributesOfFileSystem(forPath: directory.url.path)
      let free = (attributes[.systemFreeSize] as? NSNumber)?.int64Value ?? 0
      guard free > 1 << 30 else {
        return Finding(
          what: "data folder \(path): less than 1 GiB of disk is free", remedy: "free space, or move it with --data-dir"
        )
      }
      return Finding(what: "data folder \(path): writable, \(free >> 30) GiB free")
    } catch {
      return Finding(what: "\(error)", remedy: "choose another with --data-dir, or give yourself the right to write it")
    }
  }

  private static func masterKey(_ configuration: PlatformConfiguration) -> Finding {
    let path = URL(filePath: configuration.dataDirectory).appending(path: "master.key")
    do {
      if let given = try configuration.layers.optional(Settings.masterKey) {
        _ = try MasterKey(text: given)
        return Finding(what: "master key: from the environment")
      }
      guard FileManager.default.fileExists(atPath: path.path) else {
        return Finding(what: "master key: none yet; the first `gravity up` makes it")
      }
      _ = try MasterKey.load(environment: nil, file: path)
      return Finding(what: "master key: \(path.path). Keep a copy elsewhere: without it, keys and secrets are lost")
    } catch {
      return Finding(
        what: "master key: \(error)", remedy: "put back the right one; a new one cannot read what the old one protects")
    }
  }

  private static func ports(_ configuration: PlatformConfiguration) async -> [Finding] {
    let all = [("gateway", Catalog.gatewayPort)] + Catalog.services.map { ($0.name, $0.port) }
    var findings: [Finding] = []
    for (name, standard) in all {
      let port = configuration.port(standard)
      do {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
          .serverChannelOption(.socketOption(.so_reuseaddr), value: 1).bind(host: configuration.host, port: port).get()
        try await channel.close()
        findings.append(Finding(what: "port \(port) for \(name): free"))
      } catch {
        if await isGravity(configuration, port) {
          findings.append(Finding(what: "port \(port) for \(name): taken by a gravity that runs"))
          continue
        }
        findings.append(
          Finding(
            what: StartFailure(listeningOn: configuration.host, port: port, error).description,
            remedy: "stop what has it, or let --port-offset move every port"))
      }
    }
    return findings
  }

  /// Whether what listens there answers as our parts do.
  private static func isGravity(_ configuration: PlatformConfiguration, _ port: Int) async -> Bool {
    let request = HTTPClientRequest(url: "http://\(configuration.reachedHost):\(port)/health/live")
    guard let response = try? await HTTPClient.shared.execute(request, timeout: .seconds(1)) else { return false }
    return response.status == .ok
  }

  private static func databases(_ configuration: PlatformConfiguration) async -> [Finding] {
    var findings: [Finding] = []
    guard let directory = try? DataDirectory(configuration.dataDirectory) else { return [] }
    let databases = Databases(configuration, directory)
    for (owner, name, migrations) in Migrate.schemas {
      let place = databases.place(name)
      if configuration.postgresURL == nil, !FileManager.default.fileExists(atPath: place) {
        findings.append(Finding(what: "database \(place): none yet; the first `gravity up` makes it"))
        continue
      }
      let telemetry = ServiceTelemetry(service: owner, level: .critical, output: LogOutput(format: .text))
      do {
        let database = try databases.open(name, telemetry)
        findings.append(await examine(database, place, migrations))
        await database.close()
      } catch {
        findings.append(Finding(what: "database \(place): \(error)", remedy: remedy(for: error)))
      }
    }
    return findings
  }

  private static func examine(_ database: any Database, _ place: String, _ migrations: [Migration]) async -> Finding {
    do {
      let skew = abs(try await database.read { try $0.now }.timeIntervalSince(Date()))
      guard skew < 5 else {
        return Finding(
          what: "database \(place): its clock is \(Int(skew)) s off this machine's", remedy: "run NTP on both machines")
      }
      let pending = try await Migrator(database: database).pending(migrations)
      guard pending.isEmpty else {
        return Finding(
          what: "database \(place): \(pending.count) migration\(pending.count == 1 ? "" : "s") to apply",
          remedy: "gravity migrate")
      }
      return Finding(what: "database \(place): reachable, schema up to date")
    } catch {
      return Finding(what: "database \(place): \(error)", remedy: remedy(for: error))
    }
  }

  private static func remedy(for error: any Error) -> String {
    guard let error = error as? DatabaseError else { return "read the message; `gravity migrate` may help" }
    switch error.engineCode {
    case "3D000": return "the database is missing: gravity migrate --create"
    case "28P01", "28000": return "the user or password of GRAVITY_POSTGRES_URL is wrong"
    case "53300":
      return "the server has no connection left: raise max_connections or lower GRAVITY_POSTGRES_CONNECTIONS"
    default:
      return error.code == .unavailable
        ? "check that the server runs and that GRAVITY_POSTGRES_URL names its host and port" : "read the message above"
    }
  }

  /// Whether events can be published. Events through the database need nothing more than that.
  private static func broker(_ configuration: PlatformConfiguration) async -> [Finding] {
    let url: String?
    do { url = try configuration.layers.optional(Settings.amqpURL) } catch { return [] }
    guard let url else { return [] }
    do throws(BrokerError) {
      let broker = try RabbitMQBroker(url: url, logger: Logger(label: "doctor") { _ in SwiftLogNoOpLogHandler() })
      let running = Task { try await broker.run() }
      let end = ContinuousClock.now + .seconds(6)
      while broker.trouble != nil, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(50)) }
      let trouble = broker.trouble
      running.cancel()
      _ = await running.result
      guard let trouble else { return [Finding(what: "broker: RabbitMQ takes events")] }
      return [
        Finding(
          what: "broker: \(trouble)",
          remedy: "check that RabbitMQ runs and that GRAVITY_AMQP_URL names its host, port, user and virtual host")
      ]
    } catch {
      return [
        Finding(
          what: "broker: \(error.description)", remedy: "write GRAVITY_AMQP_URL as amqp://USER:PASSWORD@HOST:5672/VHOST"
        )
      ]
    }
  }

  private static func exposure(_ configuration: PlatformConfiguration) -> [Finding] {
    guard !configuration.isLoopback else { return [] }
    var findings: [Finding] = []
    if let issuer = try? configuration.layers.value(Settings.issuer), issuer.contains("127.0.0.1") {
      findings.append(
        Finding(
          what: "GRAVITY_ISSUER is \(issuer), which clients elsewhere cannot reach",
          remedy: "set it to the platform's public https address"))
    }
    if let cost = try? configuration.layers.value(Settings.bcryptCost), cost < 10 {
      findings.append(
        Finding(
          what: "GRAVITY_AUTH_BCRYPT_COST is \(cost): stolen hashes would be cheap to try", remedy: "use 10 to 14"))
    }
    return findings
  }
}
