/// Reads the two primitives of a header block (RFC 7541 §5) and never beyond its end.
struct HPACKReader {
  /// A string as it stands in the block (§5.2).
  struct Literal {
    /// Within the block, and inside its bounds.
    var octets: UnsafeRawBufferPointer
    var isHuffman: Bool
  }

  private let block: UnsafeRawBufferPointer
  private var index = 0

  init(_ block: UnsafeRawBufferPointer) { self.block = block }

  /// The next octet, which stays to be read; nil at the end.
  @inline(__always)
  var next: UInt8? { index < block.count ? block[index] : nil }

  /// An integer whose first part is the lowest `bits` bits of the next octet (§5.1).
  ///
  /// At most four octets may follow, so that it has 28 bits and cannot overflow, and the last of several may not be zero:
  /// nobody needs more octets than the shortest form has, and the section leaves their number to the implementation.
  @inline(__always)
  mutating func integer(bits: UInt8) throws(HPACKDecoder.Malformed) -> Int {
    guard let first = next else { throw HPACKDecoder.Malformed() }
    index += 1
    let limit = 0xFF >> (8 &- bits)
    let value = first & UInt8(limit)
    return value < limit ? Int(value) : try continuation(of: limit)
  }

  private mutating func continuation(of limit: Int) throws(HPACKDecoder.Malformed) -> Int {
    var value = limit
    var shift = 0
    while shift < 28, let octet = next {
      index += 1
      value += Int(octet & 0x7F) << shift
      if octet & 0x80 == 0 {
        guard octet != 0 || shift == 0 else { throw HPACKDecoder.Malformed() }
        return value
      }
      shift += 7
    }
    throw HPACKDecoder.Malformed()
  }

  @inline(__always)
  mutating func literal() throws(HPACKDecoder.Malformed) -> Literal {
    guard let first = next else { throw HPACKDecoder.Malformed() }
    let length = try integer(bits: 7)
    guard length <= block.count - index else { throw HPACKDecoder.Malformed() }
    let start = index
    index += length
    return Literal(octets: UnsafeRawBufferPointer(rebasing: block[start..<index]), isHuffman: first & 0x80 != 0)
  }
}
