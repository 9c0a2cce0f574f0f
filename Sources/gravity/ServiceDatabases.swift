import ArgumentParser
import Foundation
import GravityData
import GravityService
import GravityTelemetry
import Logging

/// The databases of services, for commands that look into them while the platform runs or is stopped.
struct ServiceDatabases {
  /// Calls `body` with each service's database in turn.
  /// - Throws: ``StartFailure`` when a database has not been made yet.
  static func each(
    _ options: PlatformOptions, of entries: [CatalogEntry],
    _ body: (CatalogEntry, any Database) async throws -> Void
  ) async throws {
    let configuration = try PlatformConfiguration(try await options.configuration())
    let databases = Databases(configuration, try DataDirectory(configuration.dataDirectory))
    for entry in entries {
      guard databases.exists(entry.database) else {
        throw StartFailure(
          .unavailable, "\(databases.place(entry.database)) is not there yet; start the platform once: gravity up")
      }
      let telemetry = ServiceTelemetry(
        service: entry.name, level: .warning, output: LogOutput(format: configuration.logFormat))
      let database = try databases.open(entry.database, telemetry)
      do {
        try await MoveRecord.refuseUnfinished(database, called: databases.place(entry.database))
        try await body(entry, database)
      } catch {
        await database.close()
        throw error
      }
      await database.close()
    }
  }

  /// The services that were named, or all that `isMeant` picks.
  static func entries(_ name: String?, where isMeant: (CatalogEntry) -> Bool = { _ in true }) throws -> [CatalogEntry] {
    let all = Catalog.services.filter(isMeant)
    guard let name else { return all }
    guard let entry = all.first(where: { $0.name == name }) else {
      throw ValidationError("--service takes one of \(all.map(\.name).joined(separator: ", "))")
    }
    return [entry]
  }
}

extension String {
  /// Without what a terminal would obey: a hostile message is data.
  var printable: String {
    String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
  }
}

/// Lines of columns, as wide as they have to be.
struct TextTable {
  private var rows: [[String]]
  init(_ header: [String]) { rows = [header] }

  mutating func add(_ row: [String]) { rows.append(row.map(\.printable)) }
  var isEmpty: Bool { rows.count == 1 }

  var text: String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { index, cell in
        index == row.count - 1 ? cell : cell.padding(toLength: widths[index] + 2, withPad: " ", startingAt: 0)
      }.joined()
    }.joined(separator: "\n")
  }
}
