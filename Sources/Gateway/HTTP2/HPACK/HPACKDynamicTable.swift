/// The fields that one side has said and the other remembers (RFC 7541 §2.3.2 and §4).
///
/// Entries are numbered in the order they came; their octets stand in a ring, each entry's in one piece. The ring has
/// twice the octets of the largest table: whatever is live fills half of it at most, so that the other half always has
/// room for an entry, even one that does not fit before the end and goes to the beginning.
struct HPACKDynamicTable: Sendable {
  /// What an entry counts beside its octets (§4.1).
  static let overhead = 32

  private struct Entry: Sendable {
    var offset: UInt32 = 0
    var nameLength: UInt32 = 0
    var valueLength: UInt32 = 0
  }

  /// The largest size that ``limit`` may ever have.
  let maximum: Int
  /// Slots that entries and whatever is kept beside them need; a power of two.
  let slots: Int
  /// The size that the encoder has chosen (§4.2).
  private(set) var limit: Int
  /// The sum of the entries' sizes (§4.1).
  private(set) var size = 0
  private(set) var count = 0
  /// How many entries there have been; the number of the next.
  private(set) var inserted = 0

  /// Slots of entries by their number. Empty, as is the ring of octets, until the first entry: many a
  /// connection never has one.
  private var entries: [Entry] = []
  private var octets: [UInt8] = []
  private var end = 0

  /// - Parameter maximum: Octets, from 0 to 2^28.
  init(maximum: Int) {
    self.maximum = min(max(0, maximum), 1 << 28)
    limit = self.maximum
    var slots = 1
    while slots < self.maximum / Self.overhead { slots *= 2 }
    self.slots = slots
  }

  /// The number of the oldest entry; all from here to ``inserted`` are in the table.
  @inline(__always)
  var oldest: Int { inserted - count }

  /// The number of the entry at `index`, which counts from the newest and from the end of the static table (§2.3.3).
  ///
  /// - Throws: If there is none.
  @inline(__always)
  func entry(at index: Int) throws(HPACKDecoder.Malformed) -> Int {
    let age = index - HPACKStaticTable.count - 1
    guard age >= 0, age < count else { throw HPACKDecoder.Malformed() }
    return inserted - 1 - age
  }

  /// The index of the entry with `number`, the same way back.
  @inline(__always)
  func index(of number: Int) -> Int { HPACKStaticTable.count + inserted - number }

  /// Changes the size and evicts what does not fit any more (§4.3).
  mutating func setLimit(_ limit: Int) {
    self.limit = min(max(0, limit), maximum)
    while size > self.limit { evict() }
  }

  /// Calls `body` with the octets of an entry, which are valid only during the call.
  ///
  /// - Parameter number: Of an entry that is in the table.
  @inline(__always)
  func withField<Result>(
    _ number: Int, _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Result
  ) -> Result {
    let entry = entries[number & (slots - 1)]
    return octets.withUnsafeBytes { octets in
      let (start, middle) = (Int(entry.offset), Int(entry.offset) + Int(entry.nameLength))
      let name = UnsafeRawBufferPointer(rebasing: octets[start..<middle])
      let value = UnsafeRawBufferPointer(rebasing: octets[middle..<middle + Int(entry.valueLength)])
      return body(name, value)
    }
  }

  /// Adds an entry and evicts what does not fit any more; one that is larger than the table empties it (§4.4).
  ///
  /// - Parameters:
  ///   - name: Octets from outside the table.
  ///   - value: The same.
  /// - Returns: The entry's number, or nil if it is larger than the table.
  @discardableResult
  mutating func insert(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Int? {
    guard let entry = place(nameLength: name.count, valueLength: value.count) else { return nil }
    octets.withUnsafeMutableBytes { octets in
      Self.copy(name, into: octets, at: Int(entry.offset))
      Self.copy(value, into: octets, at: Int(entry.offset) + name.count)
    }
    return inserted - 1
  }

  /// Adds an entry with the name of another, which may be evicted by it (§4.4).
  ///
  /// - Parameters:
  ///   - number: Of an entry that is in the table.
  ///   - value: Octets from outside the table.
  mutating func insert(nameOf number: Int, value: UnsafeRawBufferPointer) {
    let source = entries[number & (slots - 1)]
    let length = Int(source.nameLength)
    guard let entry = place(nameLength: length, valueLength: value.count) else { return }
    octets.withUnsafeMutableBytes { octets in
      // An evicted name is still there, but the new entry may lie across it: the name is moved before the value is put
      // behind it, and moved as memory that overlaps.
      Self.copy(
        UnsafeRawBufferPointer(rebasing: octets[Int(source.offset)..<Int(source.offset) + length]), into: octets,
        at: Int(entry.offset))
      Self.copy(value, into: octets, at: Int(entry.offset) + length)
    }
  }

  @inline(__always)
  private static func copy(
    _ source: UnsafeRawBufferPointer, into octets: UnsafeMutableRawBufferPointer, at offset: Int
  ) {
    UnsafeMutableRawBufferPointer(rebasing: octets[offset..<offset + source.count]).copyMemory(from: source)
  }

  /// Makes room for an entry and takes it into the books; its octets are to be written.
  private mutating func place(nameLength: Int, valueLength: Int) -> Entry? {
    let length = nameLength + valueLength
    let needed = length + Self.overhead
    guard needed <= limit else {
      while count > 0 { evict() }
      return nil
    }
    while size + needed > limit { evict() }
    if entries.isEmpty {
      entries = Array(repeating: Entry(), count: slots)
      octets = Array(repeating: 0, count: 2 * maximum)
    }
    if end + length > octets.count { end = 0 }
    let entry = Entry(
      offset: UInt32(truncatingIfNeeded: end), nameLength: UInt32(truncatingIfNeeded: nameLength),
      valueLength: UInt32(truncatingIfNeeded: valueLength))
    entries[inserted & (slots - 1)] = entry
    end += length
    size += needed
    count += 1
    inserted += 1
    return entry
  }

  private mutating func evict() {
    let entry = entries[oldest & (slots - 1)]
    size -= Int(entry.nameLength) + Int(entry.valueLength) + Self.overhead
    count -= 1
  }
}
