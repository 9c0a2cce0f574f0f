import NIOCore

/// Fields behind a body, as lines of HTTP/1.1.
struct HTTP2Trailers {
  private(set) var lines = ByteBuffer()
  private(set) var isMalformed = false
  private var bytes = 0

  init() {}

  mutating func take(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    bytes += name.count + value.count + 4
    // A pseudo-header field among trailers is no name (RFC 9113 §8.1).
    guard !isMalformed, HTTP2Field.isName(name), HTTP2Field.isValue(value), !HTTP2Field.isOfConnection(name),
      bytes <= TrailerSection.maximumBytes - 2
    else { return isMalformed = true }
    HTTP2Field.write(name, value, into: &lines)
  }
}
