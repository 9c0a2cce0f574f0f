import Foundation
import GravityData
import GravityService

/// A move from its first check to its proof.
struct MoveRun: Sendable {
  let sides: MoveSides
  let bounds: PageBounds
  let progress: MoveProgress

  /// Copies what is missing, compares everything, and lets the target be served if it is equal.
  ///
  /// - Parameter startsOver: deletes what an unfinished move has brought so far.
  /// - Throws: ``StartFailure``, ``DatabaseError``. The same move goes on where it was.
  func move(startsOver: Bool) async throws -> [TableProof] {
    let sources = try await sides.openSources()
    var pairs: [MovePair] = []
    do {
      let states = try await currentStates(sources, startsOver)
      let id = try self.id(states)
      // All of them before the first row: then a target that is served by mistake is refused as a whole.
      for (database, open) in sources {
        pairs.append(try await prepare(database, open, states[database.name] ?? .fresh, id))
        faultPoint("move.prepared")
      }
      try await copy(pairs)
      let proofs = try await prove(pairs)
      if proofs.allSatisfy(\.isEqual) { try await finish(pairs) }
      await pairs.close()
      return proofs
    } catch {
      for pair in pairs { await pair.target.close() }
      for (_, open) in sources { await open.close() }
      throw error
    }
  }

  /// Compares what is there and changes nothing.
  func verify() async throws -> [TableProof] {
    let pairs = try await sides.openBoth()
    do {
      let proofs = try await prove(pairs)
      await pairs.close()
      return proofs
    } catch {
      await pairs.close()
      throw error
    }
  }

  // MARK: Before the first row

  private func currentStates(
    _ sources: [(database: MovedDatabase, open: any Database)], _ startsOver: Bool
  ) async throws -> [String: MoveTargetState] {
    let states = try await sides.states(for: sources)
    guard startsOver else { return states }
    let records = states.values.compactMap(\.record)
    guard records.isEmpty || records.contains(where: { $0.finishedAt == nil }) else { return states }
    for (name, state) in states where state.record != nil { try await sides.target.databases.delete(name) }
    return states.mapValues { $0.record == nil ? $0 : .fresh }
  }

  /// The move's id: a new one, or that of the one that goes on.
  private func id(_ states: [String: MoveTargetState]) throws -> UUID {
    let records = states.values.compactMap(\.record)
    guard let first = records.first(where: { $0.finishedAt == nil }) else {
      guard let done = records.first else { return UUID() }
      throw StartFailure(
        .cannotCreate,
        "\(sides.target.identity) was filled from \(done.source) and the move is finished; compare with --verify-only, "
          + "or move to another place")
    }
    guard first.source == sides.source.identity else {
      throw StartFailure(
        .cannotCreate,
        "\(sides.target.identity) is half of a move from \(first.source): go on with that one, or give up what it brought "
          + "with --start-over")
    }
    guard records.allSatisfy({ $0.id == first.id }) else {
      throw StartFailure(
        .cannotCreate, "\(sides.target.identity) has databases of two moves: --start-over, or choose another place")
    }
    return first.id
  }

  private func prepare(
    _ database: MovedDatabase, _ open: any Database, _ state: MoveTargetState, _ id: UUID
  ) async throws -> MovePair {
    do {
      try await sides.target.databases.create(database.name)
    } catch let error as DatabaseError where error.engineCode == "42501" {
      guard try await sides.target.databases.isThere(database.name) else {
        throw StartFailure(
          .permission,
          "the role of --to may not make databases: ALTER ROLE … CREATEDB, or make \(database.name) for it first")
      }
    }
    let target = try sides.target.open(database.name)
    do {
      if state.record == nil {
        try await Migrator(database: target, logger: sides.target.logger).run(database.migrations)
      }
      try await database.checkSchema(of: target, in: sides.target)
      let pair = try await sides.pair(database, open, target)
      if state.record == nil { try await begin(pair, id) }
      return pair
    } catch {
      await target.close()
      throw error
    }
  }

  private func begin(_ pair: MovePair, _ id: UUID) async throws {
    // Again, now that it has tables: what is deleted next must be nobody's.
    try await pair.database.refuseRows(in: pair.target, sides.target, pair.tables)
    var seeds: [String] = []
    for table in pair.tables {
      let rows = try await pair.target.rows(SQL(stringLiteral: "SELECT 1 AS one FROM \(table.name.quotedName) LIMIT 1"))
      if !rows.isEmpty { seeds.append(table.name) }
    }
    try await pair.target.write { [identity = sides.source.identity, seeds] transaction in
      try MoveRecord.begin(id, from: identity, tables: pair.tables, seeds: seeds, in: transaction)
    }
  }

  // MARK: Rows

  private func copy(_ pairs: [MovePair]) async throws {
    var work: [(pair: MovePair, reader: TableReader)] = []
    var (total, before) = (0, 0)
    for pair in pairs {
      // None once its database has finished, in an earlier run that did not come to the others.
      guard let record = try await MoveRecord.read(pair.target), record.finishedAt == nil else { continue }
      let done = try await TableProgress.all(in: pair.target)
      for table in pair.tables {
        let reader = try await TableReader(pair.source, table, in: pair.database.name, bounds)
        let state = done.first { $0.name == table.name }
        (total, before) = (total + reader.rows, before + (state?.copied ?? 0))
        if state?.isFinished != true { work.append((pair, reader)) }
      }
    }
    progress.begin("copied", total: total, before: before)
    for (pair, reader) in work { try await copy(reader, to: pair.target, pair.database.name) }
    progress.end()
  }

  private func copy(_ reader: TableReader, to target: any Database, _ name: String) async throws {
    let writer = try await TableWriter(target, reader.table, in: name)
    // Rows come in the order of their keys, so the last one tells how far an earlier run came.
    let last = try await TableReader(target, reader.table, in: name, bounds).lastKey()
    var page = try await reader.page(after: last)
    while let end = page.last {
      let key = reader.table.key(of: end)
      // The next page is read while this one is written.
      async let next = reader.page(after: key)
      try await writer.write(page)
      faultPoint("move.page")
      progress.add(page.count, of: reader.name)
      page = try await next
    }
    try await writer.finish()
    faultPoint("move.table")
  }

  // MARK: The proof

  private func prove(_ pairs: [MovePair]) async throws -> [TableProof] {
    var total = 0
    for pair in pairs {
      for table in pair.tables {
        let rows = try await pair.source.rows(
          SQL(stringLiteral: "SELECT count(*) AS n FROM \(table.name.quotedName)")
        ).first
        total += try rows?.get("n") ?? 0
      }
    }
    progress.begin("compared", total: total)
    var proofs: [TableProof] = []
    for pair in pairs {
      for table in pair.tables {
        let name = "\(pair.database.name).\(table.name)"
        proofs.append(
          try await TableProof(
            table, of: pair.database.name, source: pair.source, target: pair.target, bounds,
            counting: { progress.add($0, of: name) }))
      }
    }
    progress.end()
    return proofs
  }

  private func finish(_ pairs: [MovePair]) async throws {
    for pair in pairs {
      // Somebody may have come meanwhile; then nobody knows what the comparison was of.
      try await sides.source.refuseOthers(in: pair.source, called: pair.database.name)
      try await sides.target.refuseOthers(in: pair.target, called: pair.database.name)
    }
    for pair in pairs {
      guard let record = try await MoveRecord.read(pair.target), record.finishedAt == nil else { continue }
      try await pair.target.write { try MoveRecord.finish(in: $0) }
      faultPoint("move.finished")
    }
  }
}
