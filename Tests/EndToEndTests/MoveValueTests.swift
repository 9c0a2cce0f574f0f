import Foundation
import GravityData
import GravityDiscovery
import PostgresEngine
import SQLiteEngine
import Testing

@testable import gravity

/// The parts of a move on a schema that has every type and every trap.
@Suite(.timeLimit(.minutes(2))) struct MoveValueTests {
  // MARK: Canonical forms

  @Test(
    "JSON of one value has one form, and of another another",
    arguments: [
      ("{\"b\": 1.50, \"a\":[15e-1, 1E2]}", "{\"a\":[15e-1,1e2],\"b\":15e-1}"),
      ("{\"a\":1,\"a\":2}", "{\"a\":2}"), ("[-0, 0.0, 0e9]", "[0,0,0]"), (" \"\\u0041\\/\\n\" ", "\"A/\\u000a\""),
      ("\"\\ud83d\\ude00\"", "\"\u{1F600}\""), ("12345678901234567890.1230", "12345678901234567890123e-3"),
      ("[ ]", "[]"), ("{ }", "{}"), ("[true,false,null]", "[true,false,null]"), ("-1000", "-1e3"),
    ])
  func json(text: String, form: String) throws {
    #expect(String(decoding: try CanonicalJSON.bytes(of: text), as: UTF8.self) == form)
  }

  @Test(
    "what is no JSON is refused",
    arguments: [
      "", "{", "[1,]", "01", "1.", "\"\\ud83d\"", "\"\\x\"", "tru", "{\"a\" 1}", "1 2", "\"\u{1}\"", "nul",
      "1e99999999999", String(repeating: "[", count: 1_001) + String(repeating: "]", count: 1_001),
    ])
  func noJSON(text: String) { #expect(throws: ForeignValue.self) { try CanonicalJSON.bytes(of: text) } }

  @Test(
    "a time is told to the microsecond, however far away it is",
    arguments: [
      (0, "1970-01-01 00:00:00.000000+00"), (-1, "1969-12-31 23:59:59.999999+00"),
      (951_868_799_000_001, "2000-02-29 23:59:59.000001+00"),
      (253_402_300_800_000_000, "10000-01-01 00:00:00.000000+00"),
      (-62_135_596_800_000_001, "0001-12-31 23:59:59.999999+00 BC"),
      (9_223_371_331_199_999_999, "294247-01-01 23:59:59.999999+00"),
    ])
  func time(microseconds: Int64, text: String) { #expect(TimestampText.string(microseconds) == text) }

  @Test("tables of the same bytes in other columns, or other kinds, have other digests")
  func digests() throws {
    func digest(_ rows: [[MovedValue]]) throws -> String {
      var digest = RowDigest()
      for row in rows { try digest.add(row) }
      return digest.finish()
    }
    let tables: [[[MovedValue]]] = [
      [], [[.null]], [[.null], [.null]], [[.text("")]], [[.bytes([])]], [[.text("ab"), .text("c")]],
      [[.text("a"), .text("bc")]], [[.text("1")]], [[.integer(1)]], [[.time(1)]], [[.boolean(true)]], [[.json("1")]],
      [[.double(1)]],
    ]
    let digests = try tables.map(digest)
    #expect(Set(digests).count == tables.count)
    #expect(try digest([[.double(-0.0)]]) == digest([[.double(0)]]))
    #expect(digests.allSatisfy { $0.count == 64 })
  }

  // MARK: Every type, both ways

  private static let schema = [
    Migration(
      1, "every type and every trap",
      [
        .table(
          "kinds",
          """
          id \(type: .uuid) PRIMARY KEY, t \(type: .text), i \(type: .bigint), d \(type: .double), b \(type: .boolean),
          u \(type: .uuid), at \(type: .timestamptz), j \(type: .jsonb), y \(type: .bytea)
          """),
        .table("parents", "code \(type: .text) PRIMARY KEY, at \(type: .timestamptz) NOT NULL"),
        .table(
          "a_children",
          """
          a \(type: .text) NOT NULL REFERENCES parents (code), n \(type: .bigint) NOT NULL, PRIMARY KEY (a, n)
          """),
        "INSERT INTO parents (code, at) SELECT 'main', at FROM (SELECT \(now) AS at) AS clock",
        .table("blobs", "k \(type: .bytea) PRIMARY KEY, v \(type: .text)"),
        .table(
          "counted",
          """
          id \(number), v \(type: .bigint) NOT NULL, twice \(type: .bigint) GENERATED ALWAYS AS (v * 2) STORED
          """),
        .table("guarded", "id \(type: .bigint) PRIMARY KEY, after \(type: .bigint)"),
        .only(
          .sqlite,
          """
          CREATE TRIGGER guarded_after BEFORE INSERT ON guarded WHEN NEW.after IS NOT NULL
          BEGIN SELECT RAISE(ABORT, 'after what?') WHERE NOT EXISTS (SELECT 1 FROM guarded WHERE id = NEW.after); END
          """)
          + .only(
            .postgresql,
            """
            CREATE FUNCTION guarded_after() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.after IS NOT NULL AND NOT EXISTS (SELECT 1 FROM guarded WHERE id = NEW.after)
            THEN RAISE EXCEPTION 'after what?'; END IF; RETURN NEW; END $$
            """),
        .only(.sqlite, "SELECT 1")
          + .only(
            .postgresql,
            """
            CREATE TRIGGER guarded_after BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION guarded_after()
            """),
      ])
  ]
  private static let now: SQL = .only(.postgresql, "now()") + .only(.sqlite, "1000000")
  private static let number: SQL =
    .only(.sqlite, "INTEGER PRIMARY KEY") + .only(.postgresql, "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY")

  private static func fill(_ database: any Database) async throws {
    try await database.write { transaction in
      let times: [Int64] = [
        0, 1, -1, 253_402_300_799_999_999, 9_223_371_331_199_999_999, -62_135_596_800_000_000, -62_167_219_200_000_001,
        -210_863_520_000_000_000, 1_732_800_000_123_456,
      ]
      let numbers = [0.1, -0.0, 1e308, Double.leastNonzeroMagnitude, 3, -1.5, 0, 2, 1e22]
      for (index, time) in times.enumerated() {
        try transaction.execute(
          """
          INSERT INTO kinds (id, at, i, d) VALUES (\(UUID()), \(BoundValue(.bigint(time))),
            \(index % 2 == 0 ? Int64.max : Int64.min), \(numbers[index]))
          """)
      }
      for text in ["", "a\u{1F600}\u{300}b", "it's \"q\" \\ \n\t\u{1}", String(repeating: "ü", count: 70_000)] {
        try transaction.execute(
          """
          INSERT INTO kinds (id, t, b, u, y) VALUES (\(UUID()), \(text), \(text.isEmpty), \(UUID()),
            \(Array(text.utf8.prefix(300))))
          """)
      }
      let documents = [
        "null", "{}", "[]", "\"s\"", "  [ true , false ]",
        "{\"b\": 1.50, \"a\":[15e-1, 1E2, -0, 12345678901234567890.123], \"a\": {\"x\\u00e9\": \"\\ud83d\\ude00 \\n\"}}",
      ]
      for json in documents {
        try transaction.execute("INSERT INTO kinds (id, j) VALUES (\(UUID()), \(BoundValue(.jsonb(json))))")
      }
      try transaction.execute("INSERT INTO kinds (id) VALUES (\(UUID()))")
      try transaction.execute("INSERT INTO parents (code, at) VALUES ('z', \(BoundValue(.bigint(5))))")
      for n in 0..<700 {
        try transaction.execute("INSERT INTO a_children (a, n) VALUES (\(n % 2 == 0 ? "z" : "main"), \(n))")
      }
      for n in 0..<50 {
        let key = [UInt8(n * 5)] + (n % 3 == 0 ? [] : [0, UInt8(n)])
        try transaction.execute("INSERT INTO blobs (k, v) VALUES (\(key), \("v\(n)"))")
      }
      for n in 0..<300 { try transaction.execute("INSERT INTO counted (id, v) VALUES (\(n * 3 + 1), \(n))") }
      try transaction.execute("INSERT INTO guarded (id, after) VALUES (10, NULL)")
      try transaction.execute("INSERT INTO guarded (id, after) VALUES (1, 10)")
    }
  }

  @Test(
    "values of every type come through unchanged both ways, in small pages, and the target takes new rows as before",
    .enabled(if: TestEngine.server != nil), arguments: [8 << 20, 20_000])
  func everyType(bytes: Int) async throws {
    let environment = TestEngine.postgresql.environment
    let folder = FileManager.default.temporaryDirectory.appending(path: "gravity-types-\(UUID().uuidString)").path
    defer {
      try? FileManager.default.removeItem(atPath: folder)
      try? FileManager.default.removeItem(atPath: folder + "-back")
    }
    let configuration = try PlatformConfiguration(
      try await LayeredConfiguration(
        commandLine: [:], environment: ["GRAVITY_POSTGRES_PREFIX": environment["GRAVITY_POSTGRES_PREFIX"] ?? ""],
        file: nil))
    let databases = [MovedDatabase(owner: "test", name: "types_db", migrations: Self.schema)]
    let file = try MovePlace(folder, configuration, makesFolder: true)
    let source = try file.open("types_db")
    try await Migrator(database: source).run(Self.schema)
    try await Self.fill(source)
    await source.close()
    let server = try MovePlace(environment["GRAVITY_POSTGRES_URL"] ?? "", configuration, makesFolder: false)
    let home = try MovePlace(folder + "-back", configuration, makesFolder: true)
    let bounds = PageBounds(rows: 100, bytes: bytes)
    for (from, to) in [(file, server), (server, home)] {
      let sides = MoveSides(source: from, target: to, databases: databases)
      let run = MoveRun(sides: sides, bounds: bounds, progress: MoveProgress(isTerminal: false, write: { _ in }))
      let proofs = try await run.move(startsOver: false)
      #expect(proofs.filter { !$0.isEqual }.isEmpty, "\(MoveReport.table(proofs))")
      #expect(proofs.first { $0.table == "kinds" }?.source.rows == 20)
      let target = try to.open("types_db")
      let next: Int64? = try await target.write { try $0.scalar("INSERT INTO counted (v) VALUES (7) RETURNING id") }
      #expect((next ?? 0) > 298 * 3)
      let twice: Int64? = try await target.rows("SELECT twice FROM counted WHERE v = 7 ORDER BY id DESC LIMIT 1").first?
        .get(0)
      #expect(twice == 14)
      await #expect(throws: DatabaseError.self) {
        try await target.write { _ = try $0.execute("INSERT INTO guarded (id, after) VALUES (2, 99)") }
      }
      await target.close()
    }
  }

  @Test("a page holds no more than its bound, but for a row that is larger by itself, and no row is left out")
  func pages() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "gravity-pages-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let database = try SQLiteDatabase(path: folder.appending(path: "p.sqlite").path)
    try await database.write { transaction in
      try transaction.execute(.table("t", "id \(type: .bigint) PRIMARY KEY, y \(type: .bytea)"))
      for id in 0..<200 {
        let size = id == 77 ? 50_000 : id % 7 * 100
        try transaction.execute("INSERT INTO t (id, y) VALUES (\(id), \([UInt8](repeating: 7, count: size)))")
      }
    }
    let columns = [("id", SQLType.bigint), ("y", .bytea)].map {
      TableShape.Column(name: $0.0, type: $0.1, isGenerated: false, sequence: nil)
    }
    let shape = TableShape(name: "t", columns: columns, key: [0], references: [], overridesIdentity: false)
    let reader = try await TableReader(database, shape, in: "p", PageBounds(rows: 50, bytes: 5_000))
    #expect(reader.rows == 200 && reader.isWide)
    var (ids, key): ([MovedValue], [MovedValue]?) = ([], nil)
    while true {
      let page = try await reader.page(after: key)
      if page.isEmpty { break }
      #expect(page.count <= 50)
      #expect(page.count == 1 || page.reduce(0) { $0 + $1.reduce(0) { $0 + $1.size } } <= 5_000)
      ids += page.map { $0[0] }
      key = page.last.map(shape.key)
    }
    #expect(ids == (0..<200).map { .integer($0) })
    await database.close()
  }
}

extension MovedValue {
  /// As a page counts it.
  fileprivate var size: Int {
    switch self {
    case .text(let text), .json(let text): text.utf8.count
    case .bytes(let bytes): bytes.count
    default: 16
    }
  }
}
