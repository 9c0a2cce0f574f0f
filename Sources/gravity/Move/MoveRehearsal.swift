import Foundation
import GravityData
import GravityService
import PostgresEngine

/// `--dry-run`: everything that is looked at before a move, and nothing that is written.
struct MoveRehearsal {
  let source: MovePlace
  let to: String
  let configuration: PlatformConfiguration

  func run() async throws {
    // A folder that is missing would be made, and is nothing to ask.
    let isMissing = !to.contains("://") && !FileManager.default.fileExists(atPath: to)
    let target = isMissing ? nil : try MovePlace(to, configuration, makesFolder: false)
    try source.claim()
    try target?.claim()
    let sides = target.map { MoveSides(source: source, target: $0) }
    let sources = try await MoveSides(source: source, target: target ?? source).openSources()
    do {
      let states = try await sides?.states(for: sources) ?? [:]
      var table = TextTable(["DATABASE", "TABLE", "ROWS", "TARGET"])
      var total = 0
      for (database, open) in sources {
        for name in try await MovedDatabase.tableNames(in: open).sorted() where !ReservedTables.contains(name) {
          let row = try await open.rows(SQL(stringLiteral: "SELECT count(*) AS n FROM \(name.quotedName)")).first
          let rows: Int = try row?.get("n") ?? 0
          total += rows
          table.add([database.name, name, MoveProgress.grouped(rows), states[database.name]?.shown ?? "to be made"])
        }
      }
      print(table.text)
      try await checkRole(of: target, states)
      print("\(MoveProgress.grouped(total)) rows would be moved. Nothing was written.")
    } catch {
      for (_, open) in sources { await open.close() }
      throw error
    }
    for (_, open) in sources { await open.close() }
  }

  private func checkRole(of target: MovePlace?, _ states: [String: MoveTargetState]) async throws {
    guard let target, case .server(let url) = target.kind else { return }
    var isMissing = false
    for name in states.keys where !isMissing { isMissing = try await !target.databases.isThere(name) }
    guard isMissing else { return }
    let server = try PostgresDatabase(url: url)
    let row: SQLRow?
    do {
      row = try await server.rows(
        "SELECT rolcreatedb OR rolsuper AS may_create FROM pg_roles WHERE rolname = current_user"
      ).first
    } catch {
      await server.close()
      throw error
    }
    await server.close()
    guard try row?.get("may_create", as: Bool.self) == true else {
      throw StartFailure(
        .permission, "the role of --to may not make databases: ALTER ROLE … CREATEDB, or make them for it first")
    }
  }
}
