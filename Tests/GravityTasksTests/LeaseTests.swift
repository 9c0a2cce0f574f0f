import Foundation
import GravityData
import GravityTasks
import Testbed
import Testing

@Suite struct LeaseTests {
  @Test("one owner at a time, and a token that grows with each change", arguments: Engine.available)
  func tokens(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let first = try #require(try await Lease.acquire("l", owner: "a", for: .seconds(60), in: database))
      #expect(first.token == 1)
      let refused = try await Lease.acquire("l", owner: "b", for: .seconds(60), in: database)
      #expect(refused == nil)
      let again = try #require(try await Lease.acquire("l", owner: "a", for: .seconds(60), in: database))
      #expect(again.token == 1)
      let renewed = try await again.renew(for: .seconds(90), in: database)
      #expect(renewed.token == 1 && renewed.expiresAt > again.expiresAt)
      try await renewed.release(in: database)
      try await renewed.release(in: database)
      let second = try #require(try await Lease.acquire("l", owner: "b", for: .seconds(60), in: database))
      #expect(second.token == 2)
      let other = try #require(try await Lease.acquire("other", owner: "a", for: .seconds(60), in: database))
      #expect(other.token == 1)
    }
  }

  @Test("who was paused until the lease ran out writes nothing when he wakes", arguments: Engine.available)
  func paused(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let late = try #require(try await Lease.acquire("l", owner: "a", for: .seconds(60), in: database))
      try await write(1, under: late, database)
      try await expire("l", database)
      await #expect(throws: LeaseLost.self) { try await write(2, under: late, database) }
      await #expect(throws: LeaseLost.self) { _ = try await late.renew(for: .seconds(60), in: database) }
      let next = try #require(try await Lease.acquire("l", owner: "b", for: .seconds(60), in: database))
      #expect(next.token == 2)
      await #expect(throws: LeaseLost.self) { try await write(3, under: late, database) }
      // Its release is not its successor's.
      try await late.release(in: database)
      try await write(4, under: next, database)
      let written = try await database.rows("SELECT n FROM effects ORDER BY n").map { try $0.get(0, as: Int.self) }
      #expect(written == [1, 4])
    }
  }

  @Test("twenty who want it at once: one gets it", arguments: Engine.available)
  func race(_ engine: Engine) async throws {
    try await engine.withDatabases(2) { databases in
      let leases = try await withThrowingTaskGroup(of: Lease?.self) { group in
        for n in 0..<20 {
          group.addTask { try await Lease.acquire("l", owner: "\(n)", for: .seconds(60), in: databases[n % 2]) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(leases.compactMap { $0 }.map(\.token) == [1])
    }
  }

  @Test("a successor waits for the transaction that has checked the lease", arguments: Engine.available)
  func overlapping(_ engine: Engine) async throws {
    try await engine.withDatabases(2) { databases in
      let lease = try #require(try await Lease.acquire("l", owner: "a", for: .seconds(2), in: databases[0]))
      let order = Record<String>()
      let hasChecked = Door()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await databases[0].write { transaction in
            try lease.check(in: transaction)
            hasChecked.open()
            // Inside the transaction, until the lease has run out by every clock: PostgreSQL's own is among them, and no
            // other transaction can put the end earlier while this one holds the row.
            Thread.sleep(until: lease.expiresAt.addingTimeInterval(0.3))
            try transaction.execute("INSERT INTO effects (n, task, attempt) VALUES (1, \(UUID()), 1)")
            order.add("written")
          }
        }
        group.addTask {
          await hasChecked.pass()
          var next: Lease?
          while next == nil {
            do { next = try await Lease.acquire("l", owner: "b", for: .seconds(60), in: databases[1]) } catch let error
              as DatabaseError where error.isTransient
            {}
          }
          order.add("taken")
        }
        try await group.waitForAll()
      }
      #expect(order.all == ["written", "taken"])
    }
  }

  private func write(_ n: Int, under lease: Lease, _ database: any Database) async throws {
    try await database.write { transaction in
      try lease.check(in: transaction)
      _ = try transaction.execute("INSERT INTO effects (n, task, attempt) VALUES (\(n), \(UUID()), 1)")
    }
  }

  private func expire(_ name: String, _ database: any Database) async throws {
    _ = try await database.write {
      try $0.execute("UPDATE leases SET expires_at = \(try $0.now) WHERE name = \(name)")
    }
  }
}
