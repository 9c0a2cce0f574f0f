import Foundation
import GravityData
import Testing

extension ConformanceCase {
  static let idempotency = [
    ConformanceCase("a repeat gets the first answer and has no effect") { engine in
      try await engine.withOrders { database in
        let first = try await order("a", database)
        let second = try await order("a", database)
        #expect(!first.isReplay)
        #expect(second.isReplay)
        #expect(first.value == second.value)
        let other = try await order("b", database)
        #expect(!other.isReplay)
        let plain = try await order(nil, database)
        #expect(!plain.isReplay)
        #expect(try await numbers(database).count == 3)
      }
    },
    ConformanceCase("of many at once under a key one takes effect") { engine in
      try await engine.withOrders { database in
        for round in 0..<5 {
          let answers = try await withThrowingTaskGroup(of: Once<Receipt>?.self) { group in
            for _ in 0..<12 {
              group.addTask {
                do {
                  return try await order("round \(round)", database)
                } catch IdempotencyRefusal.inProgress {
                  return nil
                }
              }
            }
            return try await group.reduce(into: []) { $0.append($1) }.compactMap(\.self)
          }
          #expect(answers.filter { !$0.isReplay }.count == 1)
          #expect(Set(answers.map(\.value.number)).count == 1)
          #expect(try await numbers(database).count == round + 1)
        }
      }
    },
    ConformanceCase("the same key with another request is refused") { engine in
      try await engine.withOrders { database in
        _ = try await order("a", database)
        await #expect(throws: IdempotencyRefusal.mismatch) { try await order("a", fingerprint: [9], database) }
        #expect(!(try await order("a", scope: "another client", database)).isReplay)
        #expect(try await numbers(database).count == 2)
      }
    },
    ConformanceCase("what failed may be tried again under its key") { engine in
      try await engine.withOrders { database in
        let key = IdempotencyKey(scope: "s", key: "a", fingerprint: [1])
        await #expect(throws: Refused.self) {
          try await database.write(once: key) { transaction -> Int in
            try transaction.execute("INSERT INTO numbers (n) VALUES (\(1))")
            throw Refused()
          }
        }
        #expect(try await numbers(database).isEmpty)
        let second = try await database.write(once: key) { _ in 7 }
        #expect(!second.isReplay)
        #expect(second.value == 7)
      }
    },
    ConformanceCase("a key is in use until its write is done") { engine in
      try await engine.withOrders { database async throws in
        let gate = Gate()
        let key = IdempotencyKey(scope: "s", key: "a", fingerprint: [1])
        let first = Task {
          try await database.write(once: key) { _ in
            gate.pass()
            return 1
          }
        }
        await gate.arrived()
        async let second = repeated(key, database)
        // One writer: there the repeat waits behind the first and is a replay.
        gate.open()
        #expect(try await first.value.value == 1)
        #expect(try await second)
        #expect(try await database.write(once: key) { _ in 2 }.isReplay)
      }
    },
    ConformanceCase("every Codable value comes back from a replay") { engine in
      try await engine.withOrders { database in
        let receipt = Receipt(number: 5, time: try await database.write { try $0.now }, text: "ü\0\"", none: nil)
        let key = IdempotencyKey(scope: "s", key: "a", fingerprint: [1])
        _ = try await database.write(once: key) { _ in receipt }
        let replayed = try await database.write(once: key) { _ in Receipt(number: 6) }
        #expect(replayed.value == receipt)
        let nothing = IdempotencyKey(scope: "s", key: "b", fingerprint: [1])
        _ = try await database.write(once: nothing) { _ in Int?.none }
        #expect(try await database.write(once: nothing) { _ in 1 as Int? }.value == nil)
      }
    },
    ConformanceCase("keys are kept for a day and then deleted in small steps") { engine in
      try await engine.withOrders { database in
        for n in 0..<5 { _ = try await order("\(n)", database) }
        #expect(try await database.expireIdempotencyKeys(olderThan: .zero) == 0)
        try await database.write { transaction in
          let past = try transaction.now.addingTimeInterval(-25 * 60 * 60)
          try transaction.execute("UPDATE idempotency_keys SET created_at = \(past) WHERE key < \("3")")
        }
        #expect(try await database.expireIdempotencyKeys(limit: 2) == 2)
        #expect(try await database.expireIdempotencyKeys(limit: 2) == 1)
        #expect(try await database.expireIdempotencyKeys(limit: 2) == 0)
        #expect(try await order("4", database).isReplay)
        #expect(!(try await order("0", database)).isReplay)
      }
    },
  ]

  private struct Receipt: Codable, Sendable, Equatable {
    var number: Int
    var time = Date(timeIntervalSince1970: 0)
    var text = ""
    var none: String?
  }

  private static func order(
    _ key: String?, scope: String = "s", fingerprint: [UInt8] = [1], _ database: any Database
  ) async throws -> Once<Receipt> {
    let key = key.map { IdempotencyKey(scope: scope, key: $0, fingerprint: fingerprint) }
    return try await database.write(once: key) { transaction in
      let number = (try transaction.scalar("SELECT max(n) FROM numbers", as: Int?.self) ?? nil) ?? 0
      try transaction.execute("INSERT INTO numbers (n) VALUES (\(number + 1))")
      return Receipt(number: number + 1)
    }
  }

  /// Whether it was told that the first still runs, or got its answer.
  private static func repeated(_ key: IdempotencyKey, _ database: any Database) async throws -> Bool {
    do {
      return try await database.write(once: key) { _ in 2 }.value == 1
    } catch IdempotencyRefusal.inProgress {
      return true
    }
  }
}

extension EngineUnderTest {
  fileprivate func withOrders(_ body: (any Database) async throws -> Void) async throws {
    try await withDatabase { database in
      try await Migrator(database: database).run([
        Migration(1, "orders", Idempotency.migrationStatements + [.table("numbers", "n \(type: .bigint) PRIMARY KEY")])
      ])
      try await body(database)
    }
  }
}
