import Foundation
import GravityData
import Testing

@Suite("SQL")
struct SQLTests {
  @Test("values are numbered in the order they are written, on both engines")
  func rendering() {
    let inner: SQL = "n > \(2)"
    let sql: SQL = "SELECT \(type: .uuid) WHERE a = \("x") AND \(inner) AND b IN \(list: [true, false])"
    for dialect in SQLDialect.allCases {
      let (text, values) = sql.rendered(in: dialect)
      #expect(text.hasSuffix("WHERE a = $1 AND n > $2 AND b IN ($3, $4)"))
      #expect(values == [.text("x"), .bigint(2), .boolean(true), .boolean(false)])
    }
  }

  @Test("an engine sees only what is meant for it")
  func dialects() {
    let sql: SQL = "SELECT 1\(SQL.only(.postgresql, " FOR UPDATE"))"
    #expect(sql.rendered(in: .sqlite).text == "SELECT 1")
    #expect(sql.rendered(in: .postgresql).text == "SELECT 1 FOR UPDATE")
    #expect(SQL.table("t", "a \(type: .uuid)").rendered(in: .sqlite).text == "CREATE TABLE t (a TEXT) STRICT")
  }

  @Test("a missing value keeps its type")
  func nulls() {
    let time: Date? = nil
    #expect(("SELECT \(time)" as SQL).rendered(in: .postgresql).values == [.null(.timestamptz)])
  }

  @Test("a migration's checksum changes with its text, its values and its types, and with nothing else")
  func checksums() {
    let checksum = Migration(1, "a", ["CREATE TABLE t (a \(type: .uuid))"]).checksum
    #expect(checksum.count == 16)
    #expect(Migration(9, "another name", ["CREATE TABLE t (a \(type: .uuid))"]).checksum == checksum)
    let others: [[SQL]] = [
      ["CREATE TABLE t (a \(type: .text))"], ["CREATE TABLE t (b \(type: .uuid))"],
      ["CREATE TABLE t (a \(type: .uuid))", ""], ["INSERT INTO t VALUES (\(1))"], ["INSERT INTO t VALUES (\(2))"],
    ]
    #expect(Set(others.map { Migration(1, "a", $0).checksum } + [checksum]).count == others.count + 1)
    // For ever: databases hold it.
    #expect(Migration(1, "a", ["SELECT 1"]).checksum == Migration(1, "a", [SQL(stringLiteral: "SELECT 1")]).checksum)
  }
}
