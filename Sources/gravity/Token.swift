import ArgumentParser
import AuthServer
import Foundation
import GravityContracts
import GravityData
import GravityDiscovery
import GravityIdentity
import GravityService
import GravityTelemetry
import Logging
import NIOPosix

struct Token: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make tokens for scripts and benchmarks.", subcommands: [Mint.self])

  struct Mint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sign an access token with this platform's own keys and print it.",
      discussion: """
        Whoever may read the data folder may do this. The token has no session, so only its expiry or a revocation \
        by its id ends it: keep it short.
        """)
    @OptionGroup var options: PlatformOptions

    @Option(help: ArgumentHelp("Whom the token speaks for.", valueName: "id"))
    var sub: String

    @Option(
      name: .customLong("permission"), help: ArgumentHelp("resource:action; may be repeated.", valueName: "permission"))
    var permissions: [String] = []

    @Option(help: ArgumentHelp("How long it is good: 30s, 15m, 12h; at most 24h.", valueName: "duration"))
    var ttl = "1h"

    func run() async throws {
      guard let lifetime = DurationText.parse(ttl), (.seconds(1)...(.seconds(86_400))).contains(lifetime) else {
        throw ValidationError("--ttl takes a duration from 1s to 24h, such as 15m")
      }
      guard (1...255).contains(sub.utf8.count) else { throw ValidationError("--sub takes 1 to 255 bytes") }
      let granted = permissions.map(Permission.init(rawValue:))
      if let bad = granted.first(where: { !$0.isWellFormed }) {
        throw ValidationError("--permission \(bad): write resource:action, such as accounts:read or *:*")
      }
      let configuration = try PlatformConfiguration(try await options.configuration())
      print(try await Self.token(configuration, sub: sub, permissions: granted, lifetime: lifetime / .seconds(1)))
    }

    private static func token(
      _ configuration: PlatformConfiguration, sub: String, permissions: [Permission], lifetime: TimeInterval
    ) async throws -> String {
      let directory = try DataDirectory(configuration.dataDirectory)
      let given = try configuration.layers.optional(Settings.masterKey)
      guard given != nil || FileManager.default.fileExists(atPath: directory.masterKey.path) else {
        throw StartFailure(
          .unavailable,
          "there are no keys in \(configuration.dataDirectory) yet; start the platform there once: gravity up")
      }
      let masterKey: MasterKey
      do throws(MasterKeyError) {
        masterKey = try MasterKey.load(environment: given, file: directory.masterKey)
      } catch { throw StartFailure(.configuration, "master key: \(error.description)") }
      let telemetry = ServiceTelemetry(
        service: "auth", level: .warning, output: LogOutput(format: configuration.logFormat))
      let database = try Databases(configuration, directory).open(Catalog.auth.database, telemetry)
      let list = RevocationList(maximumAge: nil)
      var settings = AuthConfiguration()
      settings.issuer = try configuration.layers.value(Settings.issuer)
      do {
        let service = try await AuthService(
          database: database, masterKey: masterKey, configuration: settings,
          notifier: FileNotifier(MailFiles(folder: directory.mail)),
          tokenStore: InMemoryTokenStore(list: list), revocations: list, logger: telemetry.logger("auth"))
        let token = try await service.mintToken(subject: sub, permissions: permissions, lifetime: lifetime)
        await database.close()
        return token
      } catch {
        await database.close()
        throw error
      }
    }
  }
}
