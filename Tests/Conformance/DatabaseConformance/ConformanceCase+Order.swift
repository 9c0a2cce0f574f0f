import Foundation
import GravityData
import Testing

extension ConformanceCase {
  static let order = [
    ConformanceCase("of those that are ordered by one name each sees what the one before did, and is later") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 0...0)
        try await database.write {
          try $0.execute(.table("times", "n \(type: .bigint) PRIMARY KEY, at \(type: .timestamptz) NOT NULL"))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
          for n in 0..<40 {
            group.addTask {
              try await database.write { transaction in
                // Others take the same lock in the other way.
                if n.isMultiple(of: 4) { try transaction.lock("numbers") } else { try transaction.order(by: "numbers") }
                let last = try transaction.scalar("SELECT max(n) FROM numbers", as: Int.self) ?? 0
                try transaction.execute("INSERT INTO numbers (n) VALUES (\(last + 1))")
                try transaction.execute("INSERT INTO times (n, at) VALUES (\(last + 1), \(try transaction.now))")
              }
            }
          }
          try await group.waitForAll()
        }
        #expect(try await numbers(database) == Array(0...40))
        let times: [Date] = try await database.rows("SELECT at FROM times ORDER BY n").map { try $0.get(0) }
        #expect(times == times.sorted())
      }
    },
    ConformanceCase("those that are ordered by different names never run again for their neighbours") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1_000...1_000)
        let runs = Count()
        try await withThrowingTaskGroup(of: Void.self) { group in
          for n in 0..<200 {
            group.addTask {
              try await database.write { transaction in
                runs.increment()
                try transaction.order(by: "number \(n)")
                // Looks where its neighbours write, as serializable transactions must not.
                guard try transaction.rows("SELECT n FROM numbers WHERE n = \(n)").isEmpty else { return }
                try transaction.execute("INSERT INTO numbers (n) VALUES (\(n))")
                try transaction.execute("UPDATE numbers SET n = \(n) WHERE n = \(n)")
              }
            }
          }
          try await group.waitForAll()
        }
        #expect(try await numbers(database) == Array(0..<200) + [1_000])
        #expect(runs.value == 200)
      }
    },
    ConformanceCase("an ordered transaction is one: what throws leaves nothing, and its lock is free again") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...1)
        for _ in 0..<3 {
          await #expect(throws: Refused.self) {
            try await database.write { transaction in
              try transaction.order(by: "numbers")
              try transaction.execute("INSERT INTO numbers (n) VALUES (\(2))")
              throw Refused()
            }
          }
        }
        #expect(try await numbers(database) == [1])
        #expect(try await database.write { try $0.tryLock("numbers") })
      }
    },
    ConformanceCase("a lock that an ordered transaction asks for later is held, too") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 0...0)
        let runs = Count()
        try await withThrowingTaskGroup(of: Void.self) { group in
          for n in 0..<20 {
            group.addTask {
              try await database.write { transaction in
                runs.increment()
                try transaction.order(by: "first \(n)")
                _ = try transaction.rows("SELECT n FROM numbers WHERE n = \(n)")
                try transaction.lock("numbers")
                let last = try transaction.scalar("SELECT max(n) FROM numbers", as: Int.self) ?? 0
                try transaction.execute("INSERT INTO numbers (n) VALUES (\(last + 1))")
              }
            }
          }
          try await group.waitForAll()
        }
        #expect(try await numbers(database) == Array(0...20))
        #expect(runs.value == 20)
      }
    },
    ConformanceCase("those that are ordered by several names do not wait in a circle") { engine in
      try await engine.withDatabase { database in
        try await database.write { transaction in
          try transaction.execute(.table("counts", "n \(type: .bigint) PRIMARY KEY, times \(type: .bigint) NOT NULL"))
          for n in 1...3 { try transaction.execute("INSERT INTO counts (n, times) VALUES (\(n), 0)") }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
          for n in 0..<30 {
            group.addTask {
              let own = [n % 3 + 1, (n + 1) % 3 + 1, n % 3 + 1]
              try await database.write { transaction in
                try transaction.order(by: own.map { "number \($0)" })
                for number in Set(own) {
                  let times = try transaction.scalar("SELECT times FROM counts WHERE n = \(number)", as: Int.self) ?? 0
                  try transaction.execute("UPDATE counts SET times = \(times + 1) WHERE n = \(number)")
                }
              }
            }
          }
          try await group.waitForAll()
        }
        let times: [Int] = try await database.rows("SELECT times FROM counts ORDER BY n").map { try $0.get(0) }
        #expect(times == [20, 20, 20])
        #expect(await code { try await database.write { try $0.order(by: []) } } == .statement)
      }
    },
    ConformanceCase("a transaction is ordered or relaxed first, once, and only when it writes") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...1)
        let declarations: [@Sendable (any Transaction) throws -> Void] = [
          { try $0.order(by: "a") }, { try $0.relax() },
        ]
        for declare in declarations {
          #expect(
            await code {
              try await database.write { transaction in
                _ = try transaction.rows("SELECT n FROM numbers")
                try declare(transaction)
              }
            } == .statement)
          #expect(
            await code {
              try await database.write { transaction in
                try transaction.lock("b")
                try declare(transaction)
              }
            } == .statement)
          #expect(
            await code {
              try await database.write { transaction in
                try transaction.order(by: "b")
                try declare(transaction)
              }
            } == .statement)
          #expect(await code { try await database.read { try declare($0) } } == .readOnly)
        }
      }
    },
    ConformanceCase("relaxed transactions take what is free, each once, and do not wait") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...100)
        let runs = Count()
        let taken = try await withThrowingTaskGroup(of: [Int].self) { group in
          for _ in 0..<40 {
            group.addTask {
              try await database.write { transaction in
                runs.increment()
                try transaction.relax()
                return try transaction.rows(
                  """
                  WITH due AS MATERIALIZED (
                    SELECT n FROM numbers WHERE n > 0 ORDER BY n LIMIT 5\(SQL.only(.postgresql, " FOR UPDATE SKIP LOCKED")))
                  UPDATE numbers SET n = -numbers.n FROM due WHERE numbers.n = due.n RETURNING numbers.n
                  """
                ).map { -(try $0.get(0, as: Int.self)) }
              }
            }
          }
          return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(taken).count == taken.count)
        #expect(taken.count + (try await numbers(database).count { $0 > 0 }) == 100)
        #expect(runs.value == 40)
      }
    },
    ConformanceCase("under a key, an ordered write takes effect once") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 0...0)
        try await database.write { transaction in
          for statement in Idempotency.migrationStatements { try transaction.execute(statement) }
        }
        let key = IdempotencyKey(scope: "s", key: "k", fingerprint: [1])
        @Sendable func ask() async throws -> Once<Int>? {
          do {
            return try await database.write(once: key, orderedBy: "numbers") { transaction in
              let last = try transaction.scalar("SELECT max(n) FROM numbers", as: Int.self) ?? 0
              try transaction.execute("INSERT INTO numbers (n) VALUES (\(last + 1))")
              return last + 1
            }
          } catch IdempotencyRefusal.inProgress {
            return nil
          }
        }
        let answers = try await withThrowingTaskGroup(of: Once<Int>?.self) { group in
          for _ in 0..<20 { group.addTask { try await ask() } }
          return try await group.reduce(into: []) { $0.append($1) }.compactMap(\.self)
        }
        #expect(answers.filter { !$0.isReplay }.count == 1)
        #expect(Set(answers.map(\.value)) == [1])
        #expect(try await ask()?.isReplay == true)
        #expect(try await numbers(database) == [0, 1])
      }
    },
  ]
}
