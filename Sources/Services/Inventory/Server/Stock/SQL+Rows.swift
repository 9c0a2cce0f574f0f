import GravityData

extension SQL {
  /// What stands after `VALUES`: one row after the other.
  static func rows(_ rows: ArraySlice<SQL>) -> SQL {
    var text = StringInterpolation(literalCapacity: 0, interpolationCount: rows.count * 2)
    for (index, row) in rows.enumerated() {
      if index > 0 { text.appendLiteral(", ") }
      text.appendInterpolation(row)
    }
    return SQL(stringInterpolation: text)
  }
}

extension Transaction {
  /// Inserts the rows, so many to a statement that its text comes in few lengths: an engine keeps few statements.
  func insert(_ head: SQL, _ rows: [SQL]) throws {
    var (start, size) = (0, 64)
    while start < rows.count {
      while size > rows.count - start { size /= 2 }
      try execute("\(head) VALUES \(SQL.rows(rows[start..<start + size]))")
      start += size
    }
  }
}

extension Array {
  /// As long as a power of two, for the list of an `IN`, where it does not matter that the last stands there again.
  var padded: [Element] {
    guard let last, count & (count - 1) != 0 else { return self }
    let length = 1 << (Int.bitWidth - count.leadingZeroBitCount)
    return self + repeatElement(last, count: length - count)
  }
}
