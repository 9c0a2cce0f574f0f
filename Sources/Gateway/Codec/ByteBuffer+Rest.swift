import NIOCore

extension ByteBuffer {
  /// What is left to read, in storage of its own where something was read before it.
  ///
  /// A buffer that is added to before it is read to its end never lets go of what was in it.
  var rest: ByteBuffer {
    guard readerIndex > 0 else { return self }
    var rest = ByteBufferAllocator().buffer(capacity: readableBytes)
    rest.writeImmutableBuffer(self)
    return rest
  }
}
