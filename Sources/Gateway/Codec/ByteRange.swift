/// A run of bytes of a head, as offsets from the head's first byte.
struct ByteRange: Sendable, Equatable {
  var start: Int
  var end: Int

  init(_ start: Int, _ end: Int) {
    self.start = start
    self.end = end
  }

  static let empty = ByteRange(0, 0)

  var count: Int { end - start }
  var isEmpty: Bool { end <= start }
}

extension UnsafeRawBufferPointer {
  /// The bytes that `range` names.
  @inline(__always)
  subscript(range: ByteRange) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[range.start..<range.end])
  }
}
