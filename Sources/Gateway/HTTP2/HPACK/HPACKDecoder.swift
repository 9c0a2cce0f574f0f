/// Reads the header blocks of one connection, in order (RFC 7541 §3).
///
/// It says nothing of what HTTP makes of a field: an empty name, capital letters or a line feed come through as they were
/// sent (RFC 9113 §8.2.1 is the caller's).
struct HPACKDecoder: Sendable {
  /// The peer's encoding is wrong, and the connection ends with COMPRESSION_ERROR (RFC 9113 §4.3).
  struct Malformed: Error {}

  typealias FieldBody = (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool

  /// What a table has until the encoder says something else (RFC 9113 §6.5.2, SETTINGS_HEADER_TABLE_SIZE).
  static let initialTableBytes = 4_096
  /// A scratch that a large block has left is given back beyond this.
  private static let scratchKept = 16_384

  private(set) var table: HPACKDynamicTable
  /// Where the Huffman-coded strings of one field are decoded to.
  private var scratch: [UInt8] = []

  /// - Parameter maximumTableBytes: What our SETTINGS_HEADER_TABLE_SIZE says. If that is below the initial 4 096, the
  ///   peer must have read it before its first block; the gateway's is 4 096, where there is nothing to wait for.
  init(maximumTableBytes: Int = HPACKDecoder.initialTableBytes) {
    table = HPACKDynamicTable(maximum: maximumTableBytes)
    table.setLimit(Self.initialTableBytes)
  }

  /// Decodes a whole block.
  ///
  /// - Parameters:
  ///   - block: The fragments of a HEADERS frame and its CONTINUATION frames, in one piece (RFC 9113 §4.3).
  ///   - field: Gets each field's octets, which are valid only during the call, and returns whether to go on.
  /// - Returns: Whether `field` let it go through to the end. If it stopped, the table is out of step and the connection
  ///   must end.
  /// - Throws: ``Malformed``, after which the decoder must not be used again.
  mutating func decode(_ block: UnsafeRawBufferPointer, field: FieldBody) throws(Malformed) -> Bool {
    var reader = HPACKReader(block)
    try Self.readSizeUpdates(&reader, &table)
    let room = HPACKHuffmanDecoding.room(for: block.count)
    if scratch.count < room { scratch = Array(repeating: 0, count: room + room / 2) }
    let isWhole = try Self.readFields(&reader, &table, &scratch, field)
    if scratch.count > Self.scratchKept { scratch = [] }
    return isWhole
  }

  /// Dynamic table size updates (RFC 7541 §6.3): before all fields, and two at most, the smallest size and the last one
  /// since the block before (§4.2).
  private static func readSizeUpdates(
    _ reader: inout HPACKReader, _ table: inout HPACKDynamicTable
  ) throws(Malformed) {
    var updates = 0
    while let first = reader.next, first & 0xE0 == 0x20 {
      updates += 1
      let size = try reader.integer(bits: 5)
      guard updates <= 2, size <= table.maximum else { throw Malformed() }
      table.setLimit(size)
    }
  }

  private static func readFields(
    _ reader: inout HPACKReader, _ table: inout HPACKDynamicTable, _ scratch: inout [UInt8], _ field: FieldBody
  ) throws(Malformed) -> Bool {
    try scratch.withUnsafeMutableBufferPointer { scratch throws(Malformed) in
      let scratch = UnsafeMutableRawBufferPointer(scratch)
      while let first = reader.next {
        let goesOn =
          first & 0x80 != 0
          ? try readIndexed(&reader, &table, field)
          : try readLiteral(&reader, &table, scratch, field)
        guard goesOn else { return false }
      }
      return true
    }
  }

  /// An indexed field (RFC 7541 §6.1).
  @inline(__always)
  private static func readIndexed(
    _ reader: inout HPACKReader, _ table: inout HPACKDynamicTable, _ field: FieldBody
  ) throws(Malformed) -> Bool {
    let index = try reader.integer(bits: 7)
    guard index > HPACKStaticTable.count else {
      guard index > 0 else { throw Malformed() }
      return field(HPACKStaticTable.shared.name(at: index), HPACKStaticTable.shared.value(at: index))
    }
    return table.withField(try table.entry(at: index), field)
  }

  /// A literal field (RFC 7541 §6.2), which goes into the table or does not.
  private static func readLiteral(
    _ reader: inout HPACKReader, _ table: inout HPACKDynamicTable, _ scratch: UnsafeMutableRawBufferPointer,
    _ field: FieldBody
  ) throws(Malformed) -> Bool {
    // A size update behind a field (§4.2) has neither the bit of an indexed literal nor a clear one below it.
    guard let first = reader.next, first & 0xE0 != 0x20 else { throw Malformed() }
    let isIndexed = first & 0x40 != 0
    let index = try reader.integer(bits: isIndexed ? 6 : 4)
    if index > HPACKStaticTable.count {
      let named = try table.entry(at: index)
      let value = try decoded(try reader.literal(), scratch).text
      guard table.withField(named, { name, _ in field(name, value) }) else { return false }
      if isIndexed { table.insert(nameOf: named, value: value) }
      return true
    }
    var left = scratch
    let name: UnsafeRawBufferPointer
    if index == 0 {
      (name, left) = try decoded(try reader.literal(), scratch)
    } else {
      name = HPACKStaticTable.shared.name(at: index)
    }
    let value = try decoded(try reader.literal(), left).text
    guard field(name, value) else { return false }
    if isIndexed { table.insert(name: name, value: value) }
    return true
  }

  /// The octets of a string, in the block or in the scratch, and what the scratch has left behind them.
  @inline(__always)
  private static func decoded(
    _ literal: HPACKReader.Literal, _ scratch: UnsafeMutableRawBufferPointer
  ) throws(Malformed) -> (text: UnsafeRawBufferPointer, left: UnsafeMutableRawBufferPointer) {
    guard literal.isHuffman else { return (literal.octets, scratch) }
    let length = try HPACKHuffmanDecoding.shared.decode(literal.octets, into: scratch)
    return (
      UnsafeRawBufferPointer(rebasing: scratch[..<length]), UnsafeMutableRawBufferPointer(rebasing: scratch[length...])
    )
  }
}
