import Foundation
import GravityData
import Patience
import PostgresEngine
import Testing

/// What a server does on a bad day: each test has a server of its own to hurt.
@Suite(
  "PostgreSQL on a bad day", .timeLimit(.minutes(5)),
  .enabled(if: PrivateServer.isPossible, "GRAVITY_TEST_POSTGRES_BIN is not set"))
struct BadDaysTests {
  @Test("a restart under load loses nothing, and we go on by ourselves", arguments: ["fast", "immediate"])
  func restart(_ mode: String) async throws {
    try await PrivateServer.with { server in
      let database = try await server.open { $0.waitTimeout = .seconds(20) }
      let load = Load(database)
      try await load.prepare()
      async let writing: Void = load.run()
      try await load.acknowledged(200)
      try await server.control("restart", "-m", mode)
      try await load.acknowledged(200)
      load.stop()
      await writing
      try await load.check()
      await database.close()
    }
  }

  @Test("a server that froze gives an error in time, and is used again when it thaws")
  func frozen() async throws {
    try await PrivateServer.with { server in
      let database = try await server.open { configuration in
        configuration.waitTimeout = .seconds(1)
        configuration.connectTimeout = .seconds(1)
        configuration.statementTimeout = .milliseconds(500)
        configuration.answerGrace = .milliseconds(500)
      }
      let load = Load(database)
      try await load.prepare()
      #expect(try await database.rows("SELECT 1").count == 1)
      let processes = try server.signal(SIGSTOP)
      let start = ContinuousClock.now
      let failures = await withTaskGroup(of: DatabaseError.Code?.self) { group in
        for n in 0..<20 {
          group.addTask {
            await code {
              try await database.write { try $0.execute("INSERT INTO load (n) VALUES (\(-1 - n))") }
            }
          }
        }
        return await group.reduce(into: Set()) { $0.insert($1) }
      }
      let elapsed = ContinuousClock.now - start
      for process in processes { kill(process, SIGCONT) }
      // Everyone was told in time, and that nothing has happened.
      #expect(failures.isSubset(of: [.timeout, .unavailable, .busy]), "\(failures)")
      #expect(elapsed < .seconds(30), "\(elapsed)")
      try await eventually("it answers again") { await code { try await database.rows("SELECT 1") } == nil }
      #expect(try await database.rows("SELECT count(*) FROM load")[0].get(0, as: Int.self) == 0)
      await database.close()
    }
  }

  @Test("a server without room for another connection is busy, and those that we have go on")
  func full() async throws {
    try await PrivateServer.with { server in
      let hog = try await server.open { configuration in
        configuration.minimumConnections = 18
        configuration.maximumConnections = 18
      }
      // All of its connections stand when 18 calls have met.
      let meeting = Meeting(18)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<18 { group.addTask { try await hog.read { _ in meeting.join() } } }
        try await group.waitForAll()
      }
      let late = try await server.open { $0.waitTimeout = .seconds(1) }
      #expect(await code { try await late.rows("SELECT 1") } == .busy)
      // A call that waits for a connection gets it when there is room again, though nobody else calls.
      let patient = try await server.open { $0.waitTimeout = .seconds(30) }
      async let waited = patient.rows("SELECT 1")
      #expect(try await hog.rows("SELECT 1").count == 1)
      await hog.close()
      #expect(try await waited.count == 1)
      await patient.close()
      try await eventually("there is room") { await code { try await late.rows("SELECT 1") } == nil }
      await late.close()
    }
  }

  @Test("a server that is away is unavailable in time, then at once, and found again")
  func away() async throws {
    try await PrivateServer.with { server in
      let database = try await server.open { $0.waitTimeout = .milliseconds(500) }
      #expect(try await database.rows("SELECT 1").count == 1)
      var feed = database.notifications(on: "news").makeAsyncIterator()
      #expect(await feed.next() == "")
      try await server.control("stop", "-m", "fast")
      // Busy, as long as nobody has tried to connect again.
      let first = await code { try await database.rows("SELECT 1") }
      #expect(first == .unavailable || first == .busy)
      try await eventually("it is known to be away") {
        await code { try await database.rows("SELECT 1") } == .unavailable
      }
      try await server.control("start")
      try await eventually("it answers again") { await code { try await database.rows("SELECT 1") } == nil }
      // The feed says that it broke and that it goes on, and works again.
      #expect(await feed.next() == DatabaseNotification.broken)
      #expect(await feed.next() == "")
      try await database.write { try $0.notify("news", "back") }
      #expect(await feed.next() == "back")
      await database.close()
    }
  }

  @Test("a connection that the server ended before the commit is replaced, and the body runs again")
  func terminated() async throws {
    try await PrivateServer.with { server in
      let database = try await server.open { _ in }
      let load = Load(database)
      try await load.prepare()
      let runs = Count()
      try await database.write { transaction in
        try transaction.execute("INSERT INTO load (n) VALUES (\(1))")
        if runs.increment() == 1 {
          let backend = try transaction.scalar("SELECT pg_backend_pid()", as: Int.self) ?? 0
          // From another session, as an administrator would.
          try server.psql("SELECT pg_terminate_backend(\(backend))")
          try transaction.execute("INSERT INTO load (n) VALUES (\(2))")
        }
      }
      #expect(runs.value == 2)
      #expect(try await database.rows("SELECT n FROM load").count == 1)
      await database.close()
    }
  }
}
