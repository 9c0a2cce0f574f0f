import Foundation
import GravityData
import Testing

extension ConformanceCase {
  static let statements = [
    ConformanceCase("values go where they were written, in any number") { engine in
      try await engine.withDatabase { database in
        let row = try await database.rows(
          """
          SELECT \(1) + 0 AS a, \(2) + 0 AS b, \(3) + 0 AS c, \(4) + 0 AS d, \(5) + 0 AS e, \(6) + 0 AS f, \(7) + 0 AS g,
            \(8) + 0 AS h, \(9) + 0 AS i, \(10) + 0 AS j, \(11) + 0 AS k, CAST(\("x") AS text) AS l
          """)[0]
        #expect(try (0..<11).map { try row.get($0, as: Int.self) } == Array(1...11))
        #expect(try row.get("l") == "x")
      }
    },
    ConformanceCase("a list binds all of its values, and an empty one matches nothing") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...5)
        let some: [Int] = try await database.rows("SELECT n FROM numbers WHERE n IN \(list: [2, 4, 9]) ORDER BY n")
          .map { try $0.get("n") }
        #expect(some == [2, 4])
        let none = try await database.rows("SELECT n FROM numbers WHERE n IN \(list: [Int]())")
        #expect(none.isEmpty)
      }
    },
    ConformanceCase("a value is data, whatever it says") { engine in
      try await engine.withDatabase { database in
        try await database.write { try $0.execute(.table("t", "s \(type: .text) NOT NULL")) }
        let attacks = ["'; DROP TABLE t; --", "\\'; DELETE FROM t", "$1", "${x}", "\" OR 1=1 --", "/* */", "%_"]
        for attack in attacks {
          try await database.write { try $0.execute("INSERT INTO t (s) VALUES (\(attack))") }
          let found = try await database.rows("SELECT s FROM t WHERE s = \(attack)")
          #expect(found.count == 1)
        }
        let all: Int = try await database.rows("SELECT count(*) FROM t")[0].get(0)
        #expect(all == attacks.count)
      }
    },
    ConformanceCase("ON CONFLICT and RETURNING say what became of it") { engine in
      try await engine.withDatabase { database in
        try await database.write { transaction in
          try transaction.execute(
            .table("t", "id \(type: .text) PRIMARY KEY, n \(type: .bigint) NOT NULL"))
          let upsert: SQL = """
            INSERT INTO t (id, n) VALUES (\("a"), \(5)) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n RETURNING n
            """
          #expect(try transaction.scalar(upsert, as: Int.self) == 5)
          #expect(try transaction.scalar(upsert, as: Int.self) == 10)
          let ignored = try transaction.execute(
            "INSERT INTO t (id, n) VALUES (\("a"), \(1)) ON CONFLICT (id) DO NOTHING")
          #expect(ignored == 0)
          #expect(try transaction.execute("UPDATE t SET n = \(1) WHERE id = \("a") RETURNING id") == 1)
        }
      }
    },
    ConformanceCase("execute counts the rows that changed, and nothing else") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...5)
        try await database.write { transaction throws in
          #expect(try transaction.execute("UPDATE numbers SET n = n + \(100) WHERE n > \(2)") == 3)
          #expect(try transaction.execute("SELECT * FROM numbers") == 0)
          #expect(try transaction.execute(.table("other", "n \(type: .bigint)")) == 0)
          #expect(try transaction.execute("DELETE FROM numbers WHERE n > \(1_000)") == 0)
          #expect(try transaction.execute("DELETE FROM numbers") == 5)
        }
      }
    },
    ConformanceCase("text is ordered by its bytes") { engine in
      try await engine.withDatabase { database in
        try await database.write { try $0.execute(.table("t", "s \(type: .text) NOT NULL")) }
        let words = ["b", "B", "a", "ä", "Z", "_", "10", "9", "é", "", "a b", "ab", "a-b", "🛰️", "z"]
        for word in words { try await database.write { try $0.execute("INSERT INTO t (s) VALUES (\(word))") } }
        let ordered: [String] = try await database.rows("SELECT s FROM t ORDER BY s").map { try $0.get("s") }
        #expect(ordered == words.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        let after: [String] = try await database.rows("SELECT s FROM t WHERE s > \("a") ORDER BY s LIMIT \(2)")
          .map { try $0.get("s") }
        #expect(after == ["a b", "a-b"])
      }
    },
    ConformanceCase("a violated constraint is told by its kind and name") { engine in
      try await engine.withDatabase { database in
        try await createConstrained(database)
        let wrong: [(SQL, DatabaseError.Code, String)] = [
          ("INSERT INTO child (id, parent, n) VALUES (\("c"), \("p"), \(1))", .uniqueViolation, "child"),
          ("INSERT INTO child (id, parent, n) VALUES (\("d"), \("nobody"), \(1))", .foreignKeyViolation, ""),
          ("INSERT INTO child (id, parent, n) VALUES (\("d"), \("p"), \(-1))", .checkViolation, "n_positive"),
          ("INSERT INTO child (id, parent, n) VALUES (\("d"), \("p"), \(Int?.none))", .notNullViolation, "child.n"),
          ("DELETE FROM parent WHERE id = \("p")", .foreignKeyViolation, ""),
        ]
        for (statement, code, constraint) in wrong {
          let error = await #expect(throws: DatabaseError.self) {
            try await database.write { try $0.execute(statement) }
          }
          #expect(error?.code == code, "\(statement)")
          #expect(error?.engineCode != nil)
          #expect(constraint.isEmpty || error?.constraint?.contains(constraint) == true, "\(String(describing: error))")
        }
      }
    },
    ConformanceCase("a wrong statement is told as such") { engine in
      try await engine.withDatabase { database async throws in
        let wrong: [SQL] = [
          "SELEC 1", "SELECT nothing FROM nowhere", "SELECT 1; SELECT 2", "", "-- nothing", "/* x( */ -- y\nCOMMIT",
          "COMMIT", "  rollback", "BEGIN",
          "SAVEPOINT mine",
        ]
        for statement in wrong {
          let alone = await code { try await database.rows(statement) }
          #expect(alone == .statement, "\(statement)")
          let inside = await code { try await database.write { try $0.execute(statement) } }
          #expect(inside == .statement, "\(statement)")
        }
        #expect(try await database.rows("-- why\n /* how */ SELECT 1").count == 1)
      }
    },
    ConformanceCase("many different statements do not pile up") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...3)
        try await database.write { transaction in
          for count in 1...700 {
            let list = (0..<count).map { $0 }
            let found = try transaction.rows("SELECT n FROM numbers WHERE n IN \(list: list)")
            #expect(found.count == min(3, count - 1))
          }
        }
      }
    },
    ConformanceCase("a statement goes on working when the table got another column") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...3)
        let read: @Sendable () async throws -> Int = {
          try await database.rows("SELECT * FROM numbers WHERE n > \(0)").first?.cells.count ?? 0
        }
        #expect(try await read() == 1)
        #expect(try await read() == 1)
        try await database.write { try $0.execute("ALTER TABLE numbers ADD COLUMN more \(type: .text)") }
        #expect(try await read() == 2)
        let rows = try await database.read { try $0.rows("SELECT * FROM numbers WHERE n > \(0)") }
        #expect(rows.first?.columns.names == ["n", "more"])
      }
    },
  ]

  static func createNumbers(_ database: any Database, _ numbers: ClosedRange<Int>) async throws {
    try await database.write { transaction in
      try transaction.execute(.table("numbers", "n \(type: .bigint) PRIMARY KEY"))
      for n in numbers { try transaction.execute("INSERT INTO numbers (n) VALUES (\(n))") }
    }
  }

  static func numbers(_ database: any Database) async throws -> [Int] {
    try await database.rows("SELECT n FROM numbers ORDER BY n").map { try $0.get("n") }
  }

  private static func createConstrained(_ database: any Database) async throws {
    try await database.write { transaction in
      try transaction.execute(.table("parent", "id \(type: .text) PRIMARY KEY"))
      try transaction.execute(
        .table(
          "child",
          """
          id \(type: .text) PRIMARY KEY, parent \(type: .text) NOT NULL REFERENCES parent (id),
          n \(type: .bigint) NOT NULL CONSTRAINT n_positive CHECK (n > 0)
          """))
      try transaction.execute("INSERT INTO parent (id) VALUES (\("p"))")
      try transaction.execute("INSERT INTO child (id, parent, n) VALUES (\("c"), \("p"), \(1))")
    }
  }
}
