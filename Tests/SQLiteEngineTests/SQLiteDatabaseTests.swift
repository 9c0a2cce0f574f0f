import Foundation
import GravityData
import SQLiteEngine
import Testing

@Suite("SQLite")
struct SQLiteDatabaseTests {
  @Test("every commit is flushed to disk, and foreign keys are kept")
  func durable() async throws {
    try await withFolder { folder in
      let database = try SQLiteDatabase(path: folder.file("a.sqlite"))
      let settings = try await database.write { transaction in
        try ["synchronous", "foreign_keys", "journal_mode"].map {
          try transaction.rows(SQL(stringLiteral: "PRAGMA \($0)"))[0].cells[0]
        }
      }
      #expect(settings == [.integer(2), .integer(1), .text("wal")])
      await database.close()
    }
  }

  @Test("its files are for their owner only")
  func mode() async throws {
    try await withFolder { folder in
      let database = try SQLiteDatabase(path: folder.file("a.sqlite"))
      try await database.write { try $0.execute(.table("t", "n \(type: .bigint)")) }
      for name in try FileManager.default.contentsOfDirectory(atPath: folder.url.path(percentEncoded: false)) {
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.file(name))
        #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
      }
      await database.close()
    }
  }

  @Test("what was deleted or replaced is nowhere in the files once the database is closed")
  func overwritten() async throws {
    try await withFolder { folder in
      let marker = "s3cret-\(UUID().uuidString)"
      func isKept() throws -> Bool {
        try FileManager.default.contentsOfDirectory(at: folder.url, includingPropertiesForKeys: nil).contains {
          try Data(contentsOf: $0).range(of: Data(marker.utf8)) != nil
        }
      }
      // One that fits into a page, and one that needs some of its own.
      let secrets = [marker, String(repeating: marker, count: 500)]
      func open() throws -> SQLiteDatabase { try SQLiteDatabase(path: folder.file("a.sqlite")) }
      var database = try open()
      try await database.write { transaction in
        try transaction.execute(.table("t", "n \(type: .bigint) PRIMARY KEY, secret \(type: .text)"))
        for n in 0..<200 {
          try transaction.execute("INSERT INTO t (n, secret) VALUES (\(n), \(secrets[n % 2]))")
        }
      }
      _ = try await database.rows("SELECT n FROM t LIMIT 1")
      await database.close()
      #expect(try isKept())
      database = try open()
      try await database.write { transaction in
        try transaction.execute("UPDATE t SET secret = NULL WHERE n < 100")
        try transaction.execute("DELETE FROM t WHERE n >= 100")
      }
      _ = try await database.rows("SELECT n FROM t LIMIT 1")
      await database.close()
      #expect(try !isKept())
    }
  }

  @Test("a database that was closed is whole in its file, whoever has read it last")
  func closed() async throws {
    try await withFolder { folder in
      let database = try SQLiteDatabase(path: folder.file("a.sqlite"))
      try await database.write { try $0.execute(.table("t", "n \(type: .bigint)")) }
      try await database.write { try $0.execute("INSERT INTO t (n) VALUES (7)") }
      _ = try await database.rows("SELECT n FROM t")
      await database.close()
      let log = try? FileManager.default.attributesOfItem(atPath: folder.file("a.sqlite-wal"))[.size] as? Int
      #expect(log ?? 0 == 0)
      try FileManager.default.copyItem(atPath: folder.file("a.sqlite"), toPath: folder.file("b.sqlite"))
      let copy = try SQLiteDatabase(path: folder.file("b.sqlite"))
      #expect(try await copy.rows("SELECT n FROM t").map(\.cells) == [[.integer(7)]])
      await copy.close()
    }
  }

  @Test("what stands in the way of opening is said plainly")
  func opening() throws {
    let folder = try Folder()
    defer { folder.remove() }
    let missing = #expect(throws: DatabaseError.self) { try SQLiteDatabase(path: folder.file("no/where.sqlite")) }
    #expect(missing?.code == .unavailable)
    #expect(missing?.message.contains("does not exist") == true)
    let directory = #expect(throws: DatabaseError.self) {
      try SQLiteDatabase(path: folder.url.path(percentEncoded: false))
    }
    #expect(directory?.message.contains("is a folder") == true)
    try Data("not a database, however long it may be".utf8).write(to: folder.url.appending(path: "text"))
    #expect(throws: DatabaseError.self) { try SQLiteDatabase(path: folder.file("text")) }
  }

  @Test("the injected clock is the transaction's, in whole microseconds")
  func clock() async throws {
    try await withFolder { folder in
      let time = Date(timeIntervalSince1970: 1_700_000_000.123_456_7)
      let database = try SQLiteDatabase(path: folder.file("a.sqlite"), now: { time })
      let now = try await database.write { try $0.now }
      #expect(abs(now.timeIntervalSince1970 - 1_700_000_000.123_457) < 0.000_000_3)
      #expect(try await database.read { try $0.now } == now)
      await database.close()
    }
  }

  @Test("a deferred constraint fails its own write only")
  func deferred() async throws {
    try await withFolder { folder in
      let database = try SQLiteDatabase(path: folder.file("a.sqlite"))
      try await database.write { transaction in
        try transaction.execute("CREATE TABLE p (id INTEGER PRIMARY KEY) STRICT")
        try transaction.execute(
          "CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED) STRICT")
      }
      await withTaskGroup(of: Void.self) { group in
        for n in 0..<50 {
          group.addTask {
            let isWrong = n % 10 == 0
            do {
              try await database.write { transaction in
                if !isWrong { try transaction.execute("INSERT INTO p (id) VALUES (\(n))") }
                try transaction.execute("INSERT INTO c (id, p) VALUES (\(n), \(n))")
              }
              #expect(!isWrong)
            } catch {
              #expect(isWrong)
              #expect((error as? DatabaseError)?.code == .foreignKeyViolation)
            }
          }
        }
      }
      #expect(try await database.rows("SELECT count(*) FROM c")[0].get(0, as: Int.self) == 45)
      await database.close()
    }
  }

  @Test("a body runs again when a neighbour's fault rolled its work back, and is told the truth")
  func again() async throws {
    try await withFolder { folder in
      var configuration = SQLiteDatabase.Configuration()
      configuration.statementTimeout = .milliseconds(300)
      let database = try SQLiteDatabase(path: folder.file("a.sqlite"), configuration: configuration)
      try await database.write { try $0.execute("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT") }
      let outcomes = await withTaskGroup(of: (Int, Bool).self) { group in
        for n in 0..<60 {
          group.addTask {
            do {
              try await database.write { transaction in
                try transaction.execute("INSERT INTO t (n) VALUES (\(n))")
                if n == 30 {
                  // An interrupted INSERT takes the whole transaction with it.
                  try transaction.execute(
                    "WITH RECURSIVE e(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM e) INSERT INTO t SELECT i FROM e")
                }
              }
              return (n, true)
            } catch {
              return (n, false)
            }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(outcomes.filter { !$0.1 }.map(\.0) == [30])
      let stored: [Int] = try await database.rows("SELECT n FROM t ORDER BY n").map { try $0.get("n") }
      #expect(stored == (0..<60).filter { $0 != 30 })
      await database.close()
    }
  }

  @Test("two processes' writers wait for one another")
  func twoPools() async throws {
    try await withFolder { folder in
      let path = folder.file("a.sqlite")
      let databases = [try SQLiteDatabase(path: path), try SQLiteDatabase(path: path)]
      try await databases[0].write { try $0.execute("CREATE TABLE t (n INTEGER NOT NULL) STRICT") }
      try await databases[0].write { try $0.execute("INSERT INTO t (n) VALUES (0)") }
      try await withThrowingTaskGroup(of: Int.self) { group in
        for n in 0..<100 {
          let database = databases[n % 2]
          group.addTask { try await database.write { try $0.execute("UPDATE t SET n = n + 1") } }
        }
        try await group.waitForAll()
      }
      #expect(try await databases[1].rows("SELECT n FROM t")[0].get(0, as: Int.self) == 100)
      for database in databases { await database.close() }
    }
  }

  private func withFolder(_ body: (Folder) async throws -> Void) async throws {
    let folder = try Folder()
    defer { folder.remove() }
    try await body(folder)
  }
}
