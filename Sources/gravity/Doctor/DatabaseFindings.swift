import Foundation
import GravityData
import GravityService
import GravityTelemetry
import Logging

/// Each service's database: there, reachable, of this version, and not half of a move.
enum DatabaseFindings {
  static func all(_ configuration: PlatformConfiguration) async -> [Finding] {
    guard let directory = try? DataDirectory(configuration.dataDirectory) else { return [] }
    let databases = Databases(configuration, directory)
    // A server that cannot be reached was told of already, and eight times more would hide it.
    if configuration.postgresURL != nil, await !PostgresFindings.isReachable(configuration) { return [] }
    var findings: [Finding] = []
    for (owner, name, migrations) in Migrate.schemas {
      let place = databases.place(name)
      do {
        guard try await databases.isThere(name) else {
          findings.append(missing(place, configuration))
          continue
        }
        let telemetry = ServiceTelemetry(service: owner, level: .critical, output: LogOutput(format: .text))
        let database = try databases.open(name, telemetry)
        findings += await examine(database, place, migrations)
        await database.close()
      } catch {
        findings.append(Finding("database", "database \(place): \(error)", remedy: PostgresFindings.remedy(for: error)))
      }
    }
    return findings
  }

  private static func missing(_ place: String, _ configuration: PlatformConfiguration) -> Finding {
    configuration.postgresURL == nil
      ? Finding("database", "database \(place): none yet; the first `gravity up` makes it")
      : Finding("database", "database \(place): missing", remedy: "gravity migrate --create")
  }

  private static func examine(_ database: any Database, _ place: String, _ migrations: [Migration]) async -> [Finding] {
    do {
      if let move = try await MoveRecord.read(database), move.finishedAt == nil {
        return [
          Finding(
            "database", "database \(place): half of what a move brings from \(move.source), so nothing serves it",
            remedy: "run the same `gravity move` again, it goes on where it was; or give it up with --start-over")
        ]
      }
      let pending = try await Migrator(database: database).pending(migrations)
      guard pending.isEmpty else {
        return [
          Finding(
            "database",
            "database \(place): \(pending.count) migration\(pending.count == 1 ? "" : "s") to apply, the first is "
              + "\(pending[0].number) \(pending[0].name)", remedy: "gravity migrate")
        ]
      }
      return [Finding("database", "database \(place): reachable, schema up to date")]
        + (try await PostgresFindings.durability(of: database, called: place))
    } catch let error as MigrationError {
      return [
        Finding(
          "database", "database \(place): \(error.description)",
          remedy: "run the version of gravity that made this database, or restore it from a backup")
      ]
    } catch {
      return [Finding("database", "database \(place): \(error)", remedy: PostgresFindings.remedy(for: error))]
    }
  }
}
