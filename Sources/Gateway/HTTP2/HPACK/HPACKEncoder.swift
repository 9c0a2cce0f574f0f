import NIOCore

/// Writes the header blocks of one connection, in order (RFC 7541 §3).
struct HPACKEncoder: Sendable {
  /// Whether a field may be remembered.
  enum Indexing {
    /// It goes into the table, and costs an octet or two when it comes again (§6.2.1).
    case indexable
    /// It is not worth the room in the table (§6.2.2).
    case nonIndexable
    /// It is a secret: neither this table nor anybody's on its way may have it (§6.2.3 and §7.1.3).
    case neverIndexed
  }

  /// The largest table that is used, whatever the peer offers; also what it has until it says something else
  /// (RFC 9113 §6.5.2).
  static let largestTableBytes = 4_096
  /// A value of more than this part of the table would push out too many others.
  private static let largestShare = 4

  private(set) var table: HPACKDynamicTable
  private var index = HPACKFieldIndex()
  /// The smallest size and the last one that were set since the last block; nil if none was.
  private var change: (smallest: Int, last: Int)?

  /// - Parameter maximumTableBytes: The most that the table may have, at most 4 096.
  init(maximumTableBytes: Int = HPACKEncoder.largestTableBytes) {
    let maximum = min(max(0, maximumTableBytes), Self.largestTableBytes)
    table = HPACKDynamicTable(maximum: maximum)
    // The peer's table has 4 096 octets from the beginning, so a smaller one is to be said.
    if maximum < Self.largestTableBytes { change = (maximum, maximum) }
  }

  /// Takes the peer's SETTINGS_HEADER_TABLE_SIZE, to be obeyed from the next block on.
  ///
  /// - Parameter bytes: Whatever the peer says; more than the maximum is as good as the maximum.
  mutating func setPeerMaximum(_ bytes: Int) {
    let size = min(max(0, bytes), table.maximum)
    guard let earlier = change else {
      if size != table.limit { change = (size, size) }
      return
    }
    change = (min(earlier.smallest, size), size)
  }

  /// Begins a block, with the size of the table where that has changed (RFC 7541 §4.2 and §6.3).
  mutating func beginBlock(into output: inout ByteBuffer) {
    guard let change else { return }
    self.change = nil
    output.writeWithUnsafeMutableBytes(minimumWritableBytes: 2 * HPACKWriter.integerRoom) { room in
      var writer = HPACKWriter(room)
      if change.smallest < change.last { writer.integer(change.smallest, bits: 5, pattern: 0x20) }
      writer.integer(change.last, bits: 5, pattern: 0x20)
      return writer.count
    }
    table.setLimit(change.smallest)
    table.setLimit(change.last)
  }

  /// Writes a field.
  ///
  /// - Parameters:
  ///   - name: In lower case (RFC 9113 §8.2.1); not within `output`.
  ///   - value: Not within `output` either.
  mutating func encode(
    name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, _ indexing: Indexing, into output: inout ByteBuffer
  ) {
    let nameHash = HPACKHash.name(name)
    let known = HPACKStaticTable.shared.index(ofName: name, hash: nameHash)
    guard indexing == .indexable else {
      let index = known ?? self.index(ofName: name, hash: nameHash) ?? 0
      // Neither is worth the time that Huffman coding takes.
      return Self.write(
        index, bits: 4, pattern: indexing == .neverIndexed ? 0x10 : 0, name, value, isShort: false, into: &output)
    }
    if let known, let index = HPACKStaticTable.shared.index(ofValue: value, from: known) {
      return Self.write(index, into: &output)
    }
    guard value.count <= table.limit / Self.largestShare,
      name.count + value.count + HPACKDynamicTable.overhead <= table.limit
    else {
      let index = known ?? self.index(ofName: name, hash: nameHash) ?? 0
      return Self.write(index, bits: 4, pattern: 0, name, value, isShort: false, into: &output)
    }
    let fieldHash = HPACKHash.field(nameHash: nameHash, value: value)
    if let number = index.number(ofName: name, value: value, hash: fieldHash, in: table) {
      return Self.write(table.index(of: number), into: &output)
    }
    let index = known ?? self.index(ofName: name, hash: nameHash) ?? 0
    Self.write(index, bits: 6, pattern: 0x40, name, value, isShort: true, into: &output)
    guard let number = table.insert(name: name, value: value) else { return }
    self.index.add(number, nameHash: nameHash, fieldHash: fieldHash, slots: table.slots)
  }

  /// Writes `:status` (RFC 9113 §8.3.2); one octet for those that the static table has.
  ///
  /// - Parameter status: Of three digits (RFC 9110 §15).
  mutating func encodeStatus(_ status: Int, into output: inout ByteBuffer) {
    assert((100...999).contains(status), "a status has three digits")
    switch status {
    case 200: Self.write(8, into: &output)
    case 204: Self.write(9, into: &output)
    case 206: Self.write(10, into: &output)
    case 304: Self.write(11, into: &output)
    case 400: Self.write(12, into: &output)
    case 404: Self.write(13, into: &output)
    case 500: Self.write(14, into: &output)
    default:
      let digits = (Self.digit(status / 100), Self.digit(status / 10), Self.digit(status))
      withUnsafeBytes(of: digits) {
        encode(name: HPACKStaticTable.shared.name(at: 8), value: $0, .indexable, into: &output)
      }
    }
  }

  private static func digit(_ value: Int) -> UInt8 { 0x30 + UInt8(truncatingIfNeeded: (value % 10).magnitude) }

  @inline(__always)
  private func index(ofName name: UnsafeRawBufferPointer, hash: UInt64) -> Int? {
    index.number(ofName: name, hash: hash, in: table).map { table.index(of: $0) }
  }

  /// An indexed field (RFC 7541 §6.1).
  @inline(__always)
  private static func write(_ index: Int, into output: inout ByteBuffer) {
    // Two octets have indexes up to 254, and a table of 4 096 octets has 128 entries at most.
    if index < 0x7F {
      output.writeInteger(0x80 | UInt8(truncatingIfNeeded: index))
    } else {
      output.writeInteger(0xFF00 | UInt16(truncatingIfNeeded: index &- 0x7F))
    }
  }

  /// A literal field (RFC 7541 §6.2), whose name stands in it if the index is 0.
  @inline(__always)
  private static func write(
    _ index: Int, bits: UInt8, pattern: UInt8, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
    isShort: Bool, into output: inout ByteBuffer
  ) {
    let room = 3 * HPACKWriter.integerRoom + name.count + value.count
    output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { room in
      var writer = HPACKWriter(room)
      writer.integer(index, bits: bits, pattern: pattern)
      if isShort {
        if index == 0 { writer.shorter(name) }
        writer.shorter(value)
      } else {
        if index == 0 { writer.plain(name) }
        writer.plain(value)
      }
      return writer.count
    }
  }
}
