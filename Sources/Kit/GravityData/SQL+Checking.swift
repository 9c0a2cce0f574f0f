extension SQL {
  /// Refuses what would end the transaction that a body was lent, or reach past it.
  ///
  /// Called once for each text that is prepared, so it costs nothing afterwards.
  package static func checkStatement(_ text: String) throws(DatabaseError) {
    let word = text.utf8[...].afterComments.prefix { (0x41...0x5A).contains($0 & 0xDF) }
    guard !text.utf8[...].afterComments.isEmpty else { throw DatabaseError(.statement, "no statement") }
    if transactionControl.contains(String(decoding: word, as: UTF8.self).uppercased()) {
      throw DatabaseError(.statement, "the engine begins and ends transactions: \(text.prefix(80))")
    }
  }

  private static let transactionControl: Set = [
    "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "PREPARE", "ATTACH", "DETACH",
    "VACUUM", "LISTEN", "UNLISTEN", "DISCARD", "DEALLOCATE", "COPY",
  ]
}

extension Substring.UTF8View {
  /// Without the white space and comments that it begins with.
  fileprivate var afterComments: Self {
    var rest = self
    while let byte = rest.first {
      if byte == 0x20 || (0x09...0x0D).contains(byte) {
        rest.removeFirst()
      } else if rest.starts(with: "--".utf8) {
        rest = rest.drop { $0 != UInt8(ascii: "\n") }
      } else if rest.starts(with: "/*".utf8) {
        rest = rest.dropFirst(2)
        while !rest.isEmpty, !rest.starts(with: "*/".utf8) { rest.removeFirst() }
        rest = rest.dropFirst(2)
      } else {
        break
      }
    }
    return rest
  }
}
