import GravityData
import GravityService

/// One database on both sides, open.
struct MovePair: Sendable {
  let database: MovedDatabase
  let source: any Database
  let target: any Database
  let tables: [TableShape]
}

/// The two places of a move and what is open of them.
struct MoveSides: Sendable {
  let source: MovePlace
  let target: MovePlace
  var databases = MovedDatabase.all

  /// The source's databases, of this version and not in use.
  ///
  /// A broker's database may be missing: RabbitMQ has its own.
  func openSources() async throws -> [(database: MovedDatabase, open: any Database)] {
    var opened: [(MovedDatabase, any Database)] = []
    do {
      for database in databases {
        guard let open = try await source.openExisting(database.name) else {
          if database.name == RunningBroker.databaseName { continue }
          throw StartFailure(
            .unavailable,
            "\(source.databases.place(database.name)) is not there: is this the right place, with the right "
              + "GRAVITY_POSTGRES_PREFIX? What was never used is made by `gravity migrate --create`")
        }
        opened.append((database, open))
        try await source.refuseOthers(in: open, called: database.name)
        try await MoveRecord.refuseUnfinished(open, called: source.databases.place(database.name))
        try await database.checkSchema(of: open, in: source)
      }
    } catch {
      for (_, open) in opened { await open.close() }
      throw error
    }
    return opened
  }

  /// What each database of the target is to this move, before anything is written.
  func states(
    for sources: [(database: MovedDatabase, open: any Database)]
  ) async throws -> [String: MoveTargetState] {
    var states: [String: MoveTargetState] = [:]
    for (database, open) in sources {
      let shapes = source.isFolder ? nil : try await TableShape.all(of: open)
      let existing = try await target.openExisting(database.name)
      do {
        states[database.name] = try await database.state(of: existing, in: target, shapes: shapes)
      } catch {
        await existing?.close()
        throw error
      }
      await existing?.close()
    }
    return states
  }

  /// Both sides of what is there already, to be compared.
  func openBoth() async throws -> [MovePair] {
    var pairs: [MovePair] = []
    let sources = try await openSources()
    do {
      for (database, open) in sources {
        guard let other = try await target.openExisting(database.name) else {
          throw StartFailure(
            .unavailable, "\(target.databases.place(database.name)) is not there: nothing was moved to it")
        }
        do {
          try await target.refuseOthers(in: other, called: database.name)
          try await database.checkSchema(of: other, in: target)
          pairs.append(try await pair(database, open, other))
        } catch {
          await other.close()
          throw error
        }
      }
    } catch {
      for pair in pairs { await pair.target.close() }
      for (_, open) in sources { await open.close() }
      throw error
    }
    return pairs
  }

  func pair(_ database: MovedDatabase, _ open: any Database, _ other: any Database) async throws -> MovePair {
    let (server, file, place) = source.isFolder ? (other, open, source) : (open, other, target)
    let tables = try await TableShape.all(of: server)
    try await TableShape.check(tables, against: file, called: place.databases.place(database.name))
    return MovePair(database: database, source: open, target: other, tables: tables)
  }
}

extension [MovePair] {
  func close() async {
    for pair in self {
      await pair.source.close()
      await pair.target.close()
    }
  }
}
