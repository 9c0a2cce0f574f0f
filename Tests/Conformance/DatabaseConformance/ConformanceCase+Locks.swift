import Foundation
import GravityData
import Testing

extension ConformanceCase {
  static let locksAndNotifications = [
    ConformanceCase("a lock that another transaction holds cannot be taken") { engine in
      try await engine.withDatabase { database async throws in
        let gate = Gate()
        async let holder = database.write { transaction in
          let isTaken = try transaction.tryLock("leader")
          // Once more is no harm.
          let isTakenAgain = try transaction.tryLock("leader")
          gate.pass()
          return isTaken && isTakenAgain
        }
        await gate.arrived()
        #expect(try await database.read { try $0.tryLock("leader") } == false)
        #expect(try await database.read { try $0.tryLock("somebody else's") })
        gate.open()
        #expect(try await holder)
        #expect(try await database.write { try $0.tryLock("leader") })
        await #expect(throws: Refused.self) {
          try await database.write { transaction in
            #expect(try transaction.tryLock("leader"))
            throw Refused()
          }
        }
        #expect(try await database.write { try $0.tryLock("leader") })
      }
    },
    ConformanceCase("of those that wait for a lock each sees what the one before did") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 0...0)
        try await withThrowingTaskGroup(of: Void.self) { group in
          for n in 0..<20 {
            group.addTask {
              try await database.write { transaction in
                // Some look first, and have to look again.
                if n.isMultiple(of: 2) { _ = try transaction.rows("SELECT 1") }
                try transaction.lock("numbers")
                let last = try transaction.scalar("SELECT max(n) FROM numbers", as: Int.self) ?? 0
                try transaction.execute("INSERT INTO numbers (n) VALUES (\(last + 1))")
              }
            }
          }
          try await group.waitForAll()
        }
        #expect(try await numbers(database) == Array(0...20))
      }
    },
    ConformanceCase("listeners hear of a commit, and never of a rollback") { engine in
      try await engine.withDatabase { database in
        var feed = database.notifications(on: "News \"of\" today").makeAsyncIterator()
        if engine.announcesFeeds { #expect(await feed.next() == "") }
        await #expect(throws: Refused.self) {
          try await database.write { transaction in
            try transaction.notify("News \"of\" today", "rolled back")
            throw Refused()
          }
        }
        try await database.write { transaction in
          try transaction.notify("elsewhere", "not for us")
          try transaction.notify("News \"of\" today", "eins")
          try transaction.notify("News \"of\" today", "zwei ü")
        }
        #expect(await feed.next() == "eins")
        #expect(await feed.next() == "zwei ü")
      }
    },
    ConformanceCase("what a commit tells can be seen by then, and is told once") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 0...0)
        var feed = database.notifications(on: "numbers").makeAsyncIterator()
        if engine.announcesFeeds { #expect(await feed.next() == "") }
        for n in 1...20 {
          try await database.write { transaction in
            try transaction.notify("numbers", "\(n)")
            try transaction.execute("INSERT INTO numbers (n) VALUES (\(n))")
            try transaction.notify("numbers", "\(n)")
          }
        }
        // Also without anything else to commit.
        try await database.write { try $0.notify("numbers", "end") }
        for n in 1...20 {
          #expect(await feed.next() == "\(n)")
          #expect(try await numbers(database).contains(n))
        }
        #expect(await feed.next() == "end")
      }
    },
    ConformanceCase("a notification that cannot be sent is refused") { engine in
      try await engine.withDatabase { database in
        for (channel, payload) in [("", "a"), ("c", "a\0"), ("c", String(repeating: "x", count: 8_000))] {
          #expect(await code { try await database.write { try $0.notify(channel, payload) } } == .value)
        }
        #expect(await code { try await database.read { try $0.notify("c", "a") } } == .readOnly)
        try await database.write { try $0.notify("c", String(repeating: "x", count: 7_999)) }
      }
    },
    ConformanceCase("a feed ends when the database is closed") { engine in
      try await engine.withDatabase { database in
        let feed = database.notifications(on: "c")
        await database.close()
        for await payload in feed { #expect(payload == "") }
        for await payload in database.notifications(on: "c") { #expect(payload == "") }
      }
    },
  ]
}
