import GravityData
import Testing

extension ConformanceCase {
  static let migrations = [
    ConformanceCase("migrations run in order, once") { engine in
      try await engine.withDatabase { database async throws in
        let migrator = Migrator(database: database)
        #expect(try await migrator.pending(schema).map(\.number) == [1, 2, 3])
        #expect(try await migrator.run(Array(schema.prefix(2))).map(\.number) == [1, 2])
        #expect(try await migrator.run(schema).map(\.number) == [3])
        #expect(try await migrator.run(schema).isEmpty)
        #expect(try await migrator.pending(schema).isEmpty)
        #expect(try await migrator.status().map(\.name) == ["first", "second", "third"])
        #expect(try await numbers(database) == [1, 2])
      }
    },
    ConformanceCase("three instances that start at once migrate once") { engine in
      try await engine.withPlace { place in
        let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
          for _ in 0..<3 {
            group.addTask {
              let database = try engine.open(place.url, .init())
              let applied = try await Migrator(database: database).run(schema).map(\.number)
              // Whoever is ready finds all of it.
              #expect(try await numbers(database) == [1, 2])
              await database.close()
              return applied
            }
          }
          return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(applied.sorted() == [1, 2, 3])
      }
    },
    ConformanceCase("a migration that fails leaves nothing, and those before it stay") { engine in
      try await engine.withDatabase { database async throws in
        let broken = Migration(2, "broken", ["INSERT INTO numbers (n) VALUES (\(7))", "SELEC"])
        await #expect(throws: DatabaseError.self) { try await Migrator(database: database).run([schema[0], broken]) }
        #expect(try await numbers(database).isEmpty)
        #expect(try await Migrator(database: database).status().map(\.number) == [1])
        #expect(try await Migrator(database: database).run(schema).map(\.number) == [2, 3])
      }
    },
    ConformanceCase("a migration that was changed, or is missing, is an error; a newer database is none") { engine in
      try await engine.withDatabase { database in
        let migrator = Migrator(database: database)
        try await migrator.run(schema)
        let changed = Migration(2, "second", ["INSERT INTO numbers (n) VALUES (\(99))"])
        await #expect(throws: MigrationError.changed(2, "second")) {
          try await migrator.run([schema[0], changed, schema[2]])
        }
        await #expect(throws: MigrationError.gap(2)) { try await migrator.run([schema[0], schema[2]]) }
        #expect(try await migrator.run([schema[0]]).isEmpty)
        try await database.write { try $0.execute("DELETE FROM gravity_migrations WHERE number = \(2)") }
        await #expect(throws: MigrationError.gap(2)) { try await migrator.run(schema) }
      }
    },
  ]

  private static let schema = [
    Migration(1, "first", [.table("numbers", "n \(type: .bigint) PRIMARY KEY")]),
    Migration(2, "second", ["INSERT INTO numbers (n) VALUES (\(1))"]),
    Migration(3, "third", ["INSERT INTO numbers (n) VALUES (\(2))", "CREATE INDEX numbers_n ON numbers (n)"]),
  ]
}
