import Foundation
import GravityData
import Testing

extension ConformanceCase {
  struct Refused: Error {}

  static let isolation = [
    ConformanceCase("no increment is lost between concurrent writes") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 0...0)
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<60 {
            group.addTask {
              try await database.write { transaction in
                let n = try transaction.scalar("SELECT n FROM numbers", as: Int.self) ?? 0
                try transaction.execute("UPDATE numbers SET n = \(n + 1)")
              }
            }
          }
          try await group.waitForAll()
        }
        #expect(try await numbers(database) == [60])
      }
    },
    ConformanceCase("of two doctors on call one stays, whoever leaves first") { engine in
      try await engine.withDatabase { database in
        try await database.write {
          try $0.execute(.table("doctors", "name \(type: .text) PRIMARY KEY, on_call \(type: .boolean) NOT NULL"))
        }
        for _ in 0..<10 {
          try await database.write { transaction in
            try transaction.execute("DELETE FROM doctors")
            for name in ["Alice", "Bob"] {
              try transaction.execute("INSERT INTO doctors (name, on_call) VALUES (\(name), \(true))")
            }
          }
          try await withThrowingTaskGroup(of: Void.self) { group in
            for name in ["Alice", "Bob"] { group.addTask { try await leave(name, database) } }
            try await group.waitForAll()
          }
          let left: Int = try await database.rows("SELECT count(*) FROM doctors WHERE on_call = \(true)")[0].get(0)
          #expect(left == 1)
        }
      }
    },
    ConformanceCase("a body that throws leaves nothing, and its error comes out") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...1)
        await #expect(throws: Refused.self) {
          try await database.write { transaction in
            try transaction.execute("INSERT INTO numbers (n) VALUES (\(2))")
            throw Refused()
          }
        }
        #expect(try await numbers(database) == [1])
      }
    },
    ConformanceCase("neighbours of a write that fails are not disturbed") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1_000...1_000)
        let refused = Count()
        try await withThrowingTaskGroup(of: Void.self) { group in
          for n in 0..<200 {
            group.addTask {
              do {
                try await database.write { transaction in
                  try transaction.execute("INSERT INTO numbers (n) VALUES (\(n))")
                  if n % 5 == 0 { throw Refused() }
                  if n % 7 == 0 { try transaction.execute("INSERT INTO numbers (n) VALUES (\(n))") }
                }
              } catch is Refused {
                refused.increment()
              } catch let error as DatabaseError where error.code == .uniqueViolation {
                refused.increment()
              }
            }
          }
          try await group.waitForAll()
        }
        let expected = (0..<200).filter { $0 % 5 != 0 && $0 % 7 != 0 } + [1_000]
        #expect(try await numbers(database) == expected)
        #expect(refused.value == 201 - expected.count)
      }
    },
    ConformanceCase("after a failed statement the transaction is lost, also when the body goes on") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...1)
        let error = await #expect(throws: DatabaseError.self) {
          try await database.write { transaction in
            try transaction.execute("INSERT INTO numbers (n) VALUES (\(2))")
            #expect(throws: DatabaseError.self) { try transaction.execute("INSERT INTO numbers (n) VALUES (\(1))") }
            #expect(throws: DatabaseError.self) { try transaction.rows("SELECT 1") }
          }
        }
        #expect(error?.code == .uniqueViolation)
        #expect(try await numbers(database) == [1])
      }
    },
    ConformanceCase("a read sees one moment, whatever is written meanwhile") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...1)
        let gate = Gate()
        async let counts = database.read { transaction in
          let before = try transaction.scalar("SELECT count(*) FROM numbers", as: Int.self)
          gate.pass()
          return (before, try transaction.scalar("SELECT count(*) FROM numbers", as: Int.self))
        }
        await gate.arrived()
        try await database.write { try $0.execute("INSERT INTO numbers (n) VALUES (\(2))") }
        gate.open()
        let (before, after) = try await counts
        #expect(before == 1)
        #expect(after == 1)
        #expect(try await numbers(database) == [1, 2])
      }
    },
    ConformanceCase("a read refuses to write") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...1)
        let insert: SQL = "INSERT INTO numbers (n) VALUES (\(2)) RETURNING n"
        let inRead = await code { try await database.read { try $0.rows(insert) } }
        #expect(inRead == .readOnly)
        let alone = await code { try await database.rows(insert) }
        #expect(alone == .readOnly)
        let table = await code { try await database.read { try $0.execute(.table("t", "n \(type: .bigint)")) } }
        #expect(table == .readOnly)
        #expect(try await numbers(database) == [1])
      }
    },
    ConformanceCase("the time stands still in a transaction, in whole microseconds") { engine in
      try await engine.withDatabase { database in
        let (first, second) = try await database.write { transaction in
          let first = try transaction.now
          _ = try transaction.rows("SELECT 1")
          return (first, try transaction.now)
        }
        #expect(first == second)
        #expect(abs(first.timeIntervalSinceNow) < 60)
        let microseconds = first.timeIntervalSince1970 * 1_000_000
        #expect(abs(microseconds - microseconds.rounded()) < 0.3)
      }
    },
    ConformanceCase("a write sees what it wrote, and the next call sees it, too") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...1)
        for n in 2..<20 {
          let seen = try await database.write { transaction in
            try transaction.execute("INSERT INTO numbers (n) VALUES (\(n))")
            return try transaction.scalar("SELECT max(n) FROM numbers", as: Int.self)
          }
          #expect(seen == n)
          #expect(try await numbers(database).last == n)
        }
      }
    },
  ]

  private static func leave(_ name: String, _ database: any Database) async throws {
    try await database.write { transaction in
      let count = try transaction.scalar("SELECT count(*) FROM doctors WHERE on_call = \(true)", as: Int.self) ?? 0
      if count > 1 { try transaction.execute("UPDATE doctors SET on_call = \(false) WHERE name = \(name)") }
    }
  }
}
