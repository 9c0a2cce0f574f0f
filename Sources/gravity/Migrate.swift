import GravityDiscovery
import Logging
import ArgumentParser
import GravityData
import GravityEvents
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

  /// Each database, whose it is and its schema.
  static let schemas: [(owner: String, database: String, migrations: [Migration])] =
    Catalog.services.map { ($0.name, $0.database, $0.migrations) }
    + [("broker", RunningBroker.databaseName, DatabaseBroker.migrations)]

  func run() async throws {
    let configuration = try PlatformConfiguration(try await options.configuration())
    let databases = Databases(configuration, try DataDirectory(configuration.dataDirectory))
    let output = LogOutput(format: configuration.logFormat)
    for (owner, name, migrations) in Self.schemas {
      let telemetry = ServiceTelemetry(service: owner, level: .warning, output: output)
      if create, !dryRun { try await databases.create(name) }
      let database = try databases.open(name, telemetry)
      let migrator = Migrator(database: database, logger: telemetry.logger("migrations"))
      do {
        try await MoveRecord.refuseUnfinished(database, called: databases.place(name))
        let steps = dryRun ? try await migrator.pending(migrations) : try await migrator.run(migrations)
        let verb = dryRun ? "would apply" : "applied"
        let list = steps.map { "\($0.number) \($0.name)" }.joined(separator: ", ")
        print("\(name): \(steps.isEmpty ? "up to date" : "\(verb) \(list)")")
      } catch {
        await database.close()
        if let error = error as? MigrationError { throw StartFailure(.software, "\(name): \(error.description)") }
        throw error
      }
      await database.close()
    }
  }
}
