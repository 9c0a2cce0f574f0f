import Foundation
import GravityData
import Testing

extension ConformanceCase {
  static let values = [
    ConformanceCase("every value comes back as it went in, also the extreme ones") { engine in
      try await engine.withDatabase { database in
        try await createValues(database)
        for value in Self.extremes {
          let row = try await roundTrip(value, database)
          #expect(row == value)
        }
      }
    },
    ConformanceCase("a missing value of every type comes back as missing") { engine in
      try await engine.withDatabase { database in
        try await createValues(database)
        let stored = try await roundTrip(Values(), database)
        #expect(stored == Values())
      }
    },
    ConformanceCase("text of digits stays text, also in jsonb and bytea") { engine in
      try await engine.withDatabase { database in
        try await createValues(database)
        let digits = "00123456789012345678901234567890"
        var values = Values()
        values.text = digits
        values.bytea = Array(digits.utf8)
        values.json = "123456789012345678901234567890"
        let stored = try await roundTrip(values, database)
        #expect(stored == values)
      }
    },
    ConformanceCase("JSON keeps large and fractional numbers") { engine in
      try await engine.withDatabase { database in
        try await createValues(database)
        var values = Values()
        values.json = #"{"big": 9007199254740993, "cents": 12345678901234.56}"#
        let text = try #require(try await roundTrip(values, database).json)
        #expect(text.contains("9007199254740993"))
        #expect(text.contains("12345678901234.56"))
      }
    },
    ConformanceCase("a Codable value goes through jsonb") { engine in
      try await engine.withDatabase { database in
        try await database.write { try $0.execute(.table("t", "v \(type: .jsonb) NOT NULL")) }
        let value = ["a": [1, 2, Int.max], "ü \"quoted\" \\": []]
        let json = try SQLJSON(value)
        try await database.write { try $0.execute("INSERT INTO t (v) VALUES (\(json))") }
        let stored: SQLJSON<[String: [Int]]> = try await database.rows("SELECT v FROM t")[0].get("v")
        #expect(stored.value == value)
      }
    },
    ConformanceCase("what SQL cannot hold is refused") { engine in
      try await engine.withDatabase { database in
        try await createValues(database)
        let refused: [Values] = [
          Values(text: "a\0b"), Values(json: #"{"a":"\u0000"}"#), Values(double: .nan), Values(double: .infinity),
          Values(double: -.infinity), Values(time: .distantFuture.addingTimeInterval(1e15)),
        ]
        for values in refused {
          await #expect(throws: DatabaseError.self, "\(values)") { try await roundTrip(values, database) }
          let code = await code { try await roundTrip(values, database) }
          #expect(code == .value, "\(values)")
        }
        let count: Int = try await database.rows("SELECT count(*) FROM v")[0].get(0)
        #expect(count == 0)
      }
    },
    ConformanceCase("sums, counts and averages are numbers") { engine in
      try await engine.withDatabase { database in
        try await database.write { transaction in
          try transaction.execute(.table("t", "n \(type: .bigint) NOT NULL"))
          for n in [1, 2, 4_000_000_000] { try transaction.execute("INSERT INTO t (n) VALUES (\(n))") }
        }
        let row = try await database.rows("SELECT sum(n) AS s, count(*) AS c, avg(n) AS a, max(n) AS m FROM t")[0]
        #expect(try row.get("s") == 4_000_000_003)
        #expect(try row.get("c") == 3)
        #expect(abs(try row.get("a", as: Double.self) - 4_000_000_003.0 / 3) < 0.001)
        #expect(try row.get("m") == 4_000_000_000)
        let negative: Int = try await database.rows("SELECT sum(-n) FROM t")[0].get(0)
        #expect(negative == -4_000_000_003)
        let empty: Int? = try await database.rows("SELECT sum(n) FROM t WHERE n < 0")[0].get(0)
        #expect(empty == nil)
      }
    },
  ]

  static let extremes: [Values] = [
    Values(
      text: "", integer: 0, double: 0, boolean: false, uuid: UUID(), time: Date(timeIntervalSince1970: 0), json: "{}",
      bytea: []),
    Values(
      text: "grün 🛰️ e\u{301} \u{FFFF} '\"\\;--$1 %s", integer: .max, double: .greatestFiniteMagnitude, boolean: true,
      uuid: UUID(uuidString: "ffffffff-ffff-ffff-ffff-ffffffffffff"),
      time: Date(timeIntervalSince1970: 1_774_000_000_123_457.0 / 1_000_000), json: "[1, 2.5, null]",
      bytea: Array(repeating: 0, count: 1_000_000) + (0...255)),
    Values(
      text: String(repeating: "ü", count: 200_000), integer: .min, double: .leastNonzeroMagnitude, boolean: true,
      uuid: UUID(uuidString: "00000000-0000-0000-0000-000000000000"),
      time: Date(timeIntervalSince1970: -0.000_001), json: #""\\u0000 is text""#, bytea: [0]),
    Values(
      text: "0", integer: -1, double: -1.1, boolean: false, uuid: UUID(),
      time: Date(timeIntervalSince1970: 253_402_300_799), json: "\"\"", bytea: [255]),
  ]

  private static func createValues(_ database: any Database) async throws {
    try await database.write {
      try $0.execute(
        .table(
          "v",
          """
          id \(type: .uuid) PRIMARY KEY, t \(type: .text), i \(type: .bigint), d \(type: .double), b \(type: .boolean),
          u \(type: .uuid), z \(type: .timestamptz), j \(type: .jsonb), y \(type: .bytea)
          """))
    }
  }

  @discardableResult
  private static func roundTrip(_ values: Values, _ database: any Database) async throws -> Values {
    let id = UUID()
    try await database.write { transaction in
      try transaction.execute(
        """
        INSERT INTO v (id, t, i, d, b, u, z, j, y) VALUES (\(id), \(values.text), \(values.integer), \(values.double),
          \(values.boolean), \(values.uuid), \(values.time), \(values.json.map(JSONText.init)), \(values.bytea))
        """)
    }
    return try #require(try await database.first("SELECT * FROM v WHERE id = \(id)"))
  }
}

/// JSON as the test wrote it.
private struct JSONText: SQLBindable {
  let text: String
  static var sqlType: SQLType { .jsonb }
  var sqlValue: SQLValue { .jsonb(text) }
}

/// One value of each type.
struct Values: SQLRecord, Equatable {
  var text: String?
  var integer: Int64?
  var double: Double?
  var boolean: Bool?
  var uuid: UUID?
  var time: Date?
  var json: String?
  var bytea: [UInt8]?

  init(
    text: String? = nil, integer: Int64? = nil, double: Double? = nil, boolean: Bool? = nil, uuid: UUID? = nil,
    time: Date? = nil, json: String? = nil, bytea: [UInt8]? = nil
  ) {
    self.text = text
    self.integer = integer
    self.double = double
    self.boolean = boolean
    self.uuid = uuid
    self.time = time
    self.json = json
    self.bytea = bytea
  }

  init(_ row: SQLRow) throws {
    text = try row.get("t")
    integer = try row.get("i")
    double = try row.get("d")
    boolean = try row.get("b")
    uuid = try row.get("u")
    time = try row.get("z")
    json = try row.get("j")
    bytea = try row.get("y")
  }
}

extension ConformanceCase {
  /// How a call failed; nil when it did not, or otherwise than an engine does.
  static func code(_ call: () async throws -> some Any) async -> DatabaseError.Code? {
    do {
      _ = try await call()
      return nil
    } catch {
      return (error as? DatabaseError)?.code
    }
  }
}
