import NIOCore

/// Refusals of gRPC's calls: callers look for `grpc-status`, and would have to guess from a status of HTTP.
extension Refusal {
  /// The codes of gRPC that refusals have (statuscodes.md of its documentation).
  enum GRPCStatus: Int {
    case unknown = 2
    case deadlineExceeded = 4
    case permissionDenied = 7
    case resourceExhausted = 8
    case unimplemented = 12
    case internalError = 13
    case unavailable = 14
    case unauthenticated = 16
  }

  /// As clients translate a status of HTTP that comes without one of gRPC (http-grpc-status-mapping.md), but for what a
  /// gateway knows better than they can: which time was up, whose limit was reached, that there is no such method.
  var grpcStatus: GRPCStatus {
    switch status {
    case 400: .internalError
    case 401: .unauthenticated
    case 403: .permissionDenied
    case 404, 405, 501: .unimplemented
    case 408, 504: .deadlineExceeded
    case 413, 429, 431: .resourceExhausted
    case 502, 503: .unavailable
    default: .unknown
    }
  }

  /// Writes the whole response: a head that has the trailers in it and no body, "Trailers-Only" (PROTOCOL-HTTP2.md of
  /// gRPC, *Responses*).
  ///
  /// - Parameters:
  ///   - type: What the caller has its messages in.
  ///   - addition: Writes further lines, each with its CR LF.
  func write(
    grpc type: [UInt8], requestID: [UInt8], connection: String, into output: inout ByteBuffer,
    addition: (inout ByteBuffer) -> Void
  ) {
    output.writeStaticString("HTTP/1.1 200 OK\r\ncontent-type: ")
    output.writeBytes(type)
    output.writeString("\r\ncontent-length: 0\r\ngrpc-status: \(grpcStatus.rawValue)\r\ngrpc-message: ")
    Self.writePercentEncoded("\(code): \(detail)", into: &output)
    output.writeStaticString("\r\ncache-control: no-store\r\nx-request-id: ")
    output.writeBytes(requestID)
    output.writeStaticString("\r\n")
    addition(&output)
    output.writeString("\(headers)\(connection)\r\n")
  }

  /// `Status-Message`: all but printable ASCII, and the percent sign itself, as `%` and two digits.
  private static func writePercentEncoded(_ text: String, into output: inout ByteBuffer) {
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in text.utf8 {
      if byte >= 0x20, byte <= 0x7E, byte != Octet.percent {
        output.writeInteger(byte)
      } else {
        output.writeBytes([Octet.percent, digits[Int(byte >> 4)], digits[Int(byte & 0xF)]])
      }
    }
  }
}
