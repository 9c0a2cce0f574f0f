import NIOCore

/// Octets of a body that wait for a window, in the pieces in which they came: what is sent is let go at once, however long
/// there is something behind it.
struct HTTP2Output {
  private var first = ByteBuffer()
  private var others: [ByteBuffer] = []
  /// How many of the others have become the first.
  private var gone = 0
  /// Octets.
  private(set) var count = 0

  init() {}

  /// Octets of the storage that it holds on to.
  var storageBytes: Int { others.reduce(first.storageCapacity) { $0 + $1.storageCapacity } }

  mutating func append(_ piece: ByteBuffer) {
    guard piece.readableBytes > 0 else { return }
    if count == 0 { first = piece } else { others.append(piece) }
    count += piece.readableBytes
  }

  /// Moves the first `wanted` octets to the end of `output`.
  mutating func take(_ wanted: Int, into output: inout ByteBuffer) {
    var left = min(wanted, count)
    count -= left
    while left > 0 {
      let taken = min(left, first.readableBytes)
      if let part = first.readSlice(length: taken) { output.writeImmutableBuffer(part) }
      left -= taken
      if first.readableBytes == 0 { first = next() }
    }
  }

  private mutating func next() -> ByteBuffer {
    guard gone < others.count else {
      others.removeAll(keepingCapacity: true)
      gone = 0
      return ByteBuffer()
    }
    let piece = others[gone]
    others[gone] = ByteBuffer()
    gone += 1
    if gone >= 32, gone * 2 >= others.count {
      others.removeFirst(gone)
      gone = 0
    }
    return piece
  }
}
