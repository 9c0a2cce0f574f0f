import GravityDiscovery
import Logging
import ArgumentParser
import AuthServer
import GravityData
import GravityService
import GravityTelemetry

struct Migrate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring every service's database to this version's schema.",
    discussion: "Safe while other instances run or migrate too: each step is applied once.")
  @OptionGroup var options: PlatformOptions

  @Flag(help: "Make databases that are missing (PostgreSQL; the role must be allowed to).")
  var create = false

  @Flag(help: "Only say what would be done.")
  var dryRun = false

  /// Each service's schema.
  static let schemas: [(entry: CatalogEntry, migrations: [Migration])] = [(Catalog.auth, AuthService.migrations)]

  func run() async throws {
    let configuration = try PlatformConfiguration(try await options.configuration())
    let databases = Databases(configuration, try DataDirectory(configuration.dataDirectory))
    let output = LogOutput(format: configuration.logFormat)
    for (entry, migrations) in Self.schemas {
      let telemetry = ServiceTelemetry(service: entry.name, level: .warning, output: output)
      if create, !dryRun { try await databases.create(entry.database) }
      let database = try databases.open(entry.database, telemetry)
      let migrator = Migrator(database: database, logger: telemetry.logger("migrations"))
      do {
        let steps = dryRun ? try await migrator.pending(migrations) : try await migrator.run(migrations)
        let verb = dryRun ? "would apply" : "applied"
        let list = steps.map { "\($0.number) \($0.name)" }.joined(separator: ", ")
        print("\(entry.database): \(steps.isEmpty ? "up to date" : "\(verb) \(list)")")
      } catch let error as MigrationError {
        await database.close()
        throw StartFailure(.software, "\(entry.database): \(error.description)")
      }
      await database.close()
    }
  }
}
