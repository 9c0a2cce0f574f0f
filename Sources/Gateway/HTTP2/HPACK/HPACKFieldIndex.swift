/// Finds the entries of an encoder's table by hashes of their names and of their fields.
///
/// Entries with hashes of the same bucket are a chain from the newest to the oldest. An entry that leaves the table is the
/// oldest there is, so it ends the chain wherever it comes up, and nothing need be taken out.
struct HPACKFieldIndex: Sendable {
  /// Entries by one of the two hashes.
  private struct Chains: Sendable {
    /// For each bucket, the number of the newest entry.
    private var newest: [Int] = []
    /// For each slot, the entry's hash and the number of the next older entry of the bucket.
    private var links: [(hash: UInt64, older: Int)] = []

    @inline(__always)
    mutating func add(_ number: Int, hash: UInt64, slots: Int) {
      if newest.isEmpty {
        newest = Array(repeating: -1, count: 2 * slots)
        links = Array(repeating: (0, -1), count: slots)
      }
      let bucket = Int(truncatingIfNeeded: hash) & (newest.count - 1)
      links[number & (links.count - 1)] = (hash, newest[bucket])
      newest[bucket] = number
    }

    /// The newest entry of the hash that `isSame` agrees to, or nil.
    @inline(__always)
    func find(_ hash: UInt64, oldest: Int, _ isSame: (Int) -> Bool) -> Int? {
      guard !newest.isEmpty else { return nil }
      var number = newest[Int(truncatingIfNeeded: hash) & (newest.count - 1)]
      while number >= oldest {
        let link = links[number & (links.count - 1)]
        if link.hash == hash, isSame(number) { return number }
        number = link.older
      }
      return nil
    }
  }

  /// Empty until the first entry, as the table is.
  private var names = Chains()
  private var fields = Chains()

  /// Takes in the newest entry.
  ///
  /// - Parameter slots: As the table has them.
  mutating func add(_ number: Int, nameHash: UInt64, fieldHash: UInt64, slots: Int) {
    names.add(number, hash: nameHash, slots: slots)
    fields.add(number, hash: fieldHash, slots: slots)
  }

  /// The number of the newest entry with the name, or nil.
  @inline(__always)
  func number(ofName name: UnsafeRawBufferPointer, hash: UInt64, in table: HPACKDynamicTable) -> Int? {
    names.find(hash, oldest: table.oldest) { number in
      table.withField(number) { known, _ in known.isEqual(to: name) }
    }
  }

  /// The number of the newest entry with the name and the value, or nil.
  @inline(__always)
  func number(
    ofName name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, hash: UInt64,
    in table: HPACKDynamicTable
  ) -> Int? {
    fields.find(hash, oldest: table.oldest) { number in
      table.withField(number) { known, its in known.isEqual(to: name) && its.isEqual(to: value) }
    }
  }
}
