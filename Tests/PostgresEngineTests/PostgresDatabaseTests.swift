import DatabaseConformance
import Foundation
import GravityData
import PostgresEngine
import Testing

@Suite("PostgreSQL", .enabled(if: TestServer.url != nil, "GRAVITY_TEST_POSTGRES_URL is not set"))
struct PostgresDatabaseTests {
  @Test("a body whose reads were overtaken runs again, on what is there now")
  func retry() async throws {
    try await withNumbers { database in
      let runs = Count()
      try await database.write { transaction in
        let before = try transaction.scalar("SELECT n FROM numbers", as: Int.self) ?? 0
        if runs.increment() == 1 { try overtake(database) }
        try transaction.execute("UPDATE numbers SET n = \(before * 10)")
      }
      #expect(runs.value == 2)
      #expect(try await database.rows("SELECT n FROM numbers")[0].get(0, as: Int.self) == 20)
    }
  }

  @Test("a conflict is retried also when the body swallowed or replaced its error")
  func replacedError() async throws {
    struct Mine: Error {}
    try await withNumbers { database in
      let runs = Count()
      try await database.write { transaction in
        let before = try transaction.scalar("SELECT n FROM numbers", as: Int.self) ?? 0
        if runs.increment() == 1 { try overtake(database) }
        do { try transaction.execute("UPDATE numbers SET n = \(before * 10)") } catch { throw Mine() }
      }
      #expect(runs.value == 2)
    }
  }

  @Test("of many that ask for the same database one makes it")
  func createDatabase() async throws {
    let url = try #require(TestServer.url)
    let name = "Made \"once\" \(UUID().uuidString)"
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 { group.addTask { try await PostgresServer.createDatabase(named: name, url: url) } }
      try await group.waitForAll()
    }
    var configuration = PostgresDatabase.Configuration()
    configuration.database = name
    let database = try PostgresDatabase(url: url, configuration: configuration)
    let row = try await database.rows(
      "SELECT current_database() AS name, pg_encoding_to_char(encoding) AS e FROM pg_database WHERE datname = \(name)")[
        0]
    #expect(try row.get("name") == name)
    #expect(try row.get("e") == "UTF8")
    await database.close()
    try await PostgresServer.dropDatabase(named: name, url: url)
  }

  @Test("types beyond the port's are read where they fit one of its own")
  func types() async throws {
    try await withNumbers { database in
      let row = try await database.rows(
        """
        SELECT 1::int2 AS a, 2::int4 AS b, 1.5::float4 AS c, 12345678901234567.25::numeric AS d, -70000::numeric AS e,
          0::numeric AS f, '{"a": 1}'::json AS g, 'x'::varchar AS h, 0.00012::numeric AS i, 100000000::numeric AS j,
          99999999999999999999::numeric AS k
        """)[0]
      #expect(try row.get("a") == 1 && row.get("b") == 2)
      #expect(try row.get("c") == 1.5)
      #expect(try row.get("d") == 12_345_678_901_234_567.25)
      #expect(try row.get("e") == -70_000 && row.get("f") == 0)
      #expect(try row.get("g") == #"{"a": 1}"# && row.get("h") == "x")
      #expect(try row.get("i") == 0.00012 && row.get("j") == 100_000_000)
      #expect(try row.get("k") == 99_999_999_999_999_999_999.0)
      #expect(await code { try await database.rows("SELECT '{1,2}'::int8[] AS list") } == .statement)
    }
  }

  @Test("text goes where the server wants a uuid or JSON, and a missing text can be asked for")
  func inference() async throws {
    try await withNumbers { database in
      let id = UUID()
      let missing: String? = nil
      let row = try await database.rows(
        """
        SELECT CAST(\(id) AS uuid) = \(id.uuidString) AS same, CAST(\(missing) AS text) IS NULL AS missing,
          \("a") || \("b") AS ab
        """)[0]
      #expect(try row.get("same") && row.get("missing"))
      #expect(try row.get("ab") == "ab")
    }
  }

  @Test("a URL that cannot be parsed is not repeated, for it may hold a password")
  func url() {
    let error = #expect(throws: DatabaseError.self) { try PostgresDatabase(url: "postgres://u:secret@[::1/x?y=z") }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("secret") == false)
  }

  /// In the middle of a body: another write, which has to be done before the body goes on.
  private func overtake(_ database: PostgresDatabase) throws {
    let done = DispatchSemaphore(value: 0)
    Task {
      try await database.write { try $0.execute("UPDATE numbers SET n = n + 1") }
      done.signal()
    }
    #expect(done.wait(timeout: .now() + 10) == .success)
  }

  private func withNumbers(_ body: @Sendable (PostgresDatabase) async throws -> Void) async throws {
    try await EngineUnderTest.postgres.withPlace { place in
      let database = try PostgresDatabase(url: place.url)
      try await database.write { transaction in
        try transaction.execute(.table("numbers", "n \(type: .bigint) NOT NULL"))
        try transaction.execute("INSERT INTO numbers (n) VALUES (\(1))")
      }
      try await body(database)
      await database.close()
    }
  }
}
