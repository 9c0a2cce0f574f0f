/// Why a stream or a connection ends (RFC 9113 §7).
enum HTTP2Code: UInt32 {
  case noError = 0x0
  case protocolError = 0x1
  case internalError = 0x2
  case flowControlError = 0x3
  case streamClosed = 0x5
  case frameSizeError = 0x6
  case refusedStream = 0x7
  case cancel = 0x8
  case compressionError = 0x9
  case enhanceYourCalm = 0xB
}

/// A mistake of the connection's, which ends it (RFC 9113 §5.4.1).
struct HTTP2Fault: Error {
  var code: HTTP2Code
  /// For the log.
  var what: StaticString

  init(_ code: HTTP2Code, _ what: StaticString) {
    self.code = code
    self.what = what
  }
}
