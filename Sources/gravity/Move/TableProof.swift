import GravityData
import GravityService

/// What both sides hold of a table, read anew from each.
struct TableProof: Sendable {
  struct Side: Sendable, Hashable {
    var rows: Int
    /// SHA-256, see ``RowDigest``.
    var hash: String
  }
  let database: String
  let table: String
  let source: Side
  let target: Side
  /// The first row that is not the same, and how; nil when all are.
  let difference: String?

  var isEqual: Bool { source == target }

  /// Reads both tables, at the same time.
  init(
    _ table: TableShape, of database: String, source: any Database, target: any Database, _ bounds: PageBounds,
    counting: @escaping @Sendable (Int) -> Void
  ) async throws {
    self.database = database
    self.table = table.name
    let left = try await TableReader(source, table, in: database, bounds)
    let right = try await TableReader(target, table, in: database, bounds)
    async let ofTarget = Self.digest(right) { _ in }
    self.source = try await Self.digest(left, counting)
    self.target = try await ofTarget
    difference =
      self.source == self.target ? nil : try await Self.firstDifference(RowStream(left), RowStream(right), table)
  }

  private static func digest(_ reader: TableReader, _ counting: @Sendable (Int) -> Void) async throws -> Side {
    var digest = RowDigest()
    var page = try await reader.page(after: nil)
    while let last = page.last {
      let key = reader.table.key(of: last)
      // The next page is read while this one is hashed.
      async let next = reader.page(after: key)
      for row in page {
        do { try digest.add(row) } catch {
          throw StartFailure(.software, "\(reader.name), the row \(reader.table.shownKey(of: row)): \(error)")
        }
      }
      counting(page.count)
      page = try await next
    }
    return Side(rows: digest.rows, hash: digest.finish())
  }

  private static func firstDifference(
    _ left: RowStream, _ right: RowStream, _ table: TableShape
  ) async throws -> String {
    var (left, right) = (left, right)
    while true {
      let (ours, theirs) = (try await left.next(), try await right.next())
      switch (ours, theirs) {
      case (nil, nil): return "one of the sides changed while it was read"
      case (let row?, nil): return "only in the source: \(table.shownKey(of: row))"
      case (nil, let row?): return "only in the target: \(table.shownKey(of: row))"
      case (let row?, let other?):
        if table.key(of: row) != table.key(of: other) {
          return "\(table.shownKey(of: row)) in the source, \(table.shownKey(of: other)) in the target"
        }
        for (index, column) in table.columns.enumerated() {
          var (one, two): ([UInt8], [UInt8]) = ([], [])
          try row[index].appendCanonical(to: &one)
          try other[index].appendCanonical(to: &two)
          if one != two { return "\(column.name) of \(table.shownKey(of: row))" }
        }
      }
    }
  }
}

/// The rows of a table one by one, a page in memory.
private struct RowStream {
  private let reader: TableReader
  private var page: ArraySlice<[MovedValue]> = []
  private var key: [MovedValue]?
  private var isAtEnd = false

  init(_ reader: TableReader) { self.reader = reader }

  mutating func next() async throws -> [MovedValue]? {
    if page.isEmpty, !isAtEnd {
      page = try await reader.page(after: key)[...]
      isAtEnd = page.isEmpty
      key = page.last.map(reader.table.key)
    }
    return page.popFirst()
  }
}
