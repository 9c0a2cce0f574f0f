import NIOCore

/// Writes the head that goes to the client.
enum ResponseHeadWriter {
  /// What the gateway adds to a final response.
  struct Additions {
    var requestID: [UInt8]
    /// `connection: close`, because this response is the last of its connection.
    var closes: Bool
    /// `connection: keep-alive`, which an HTTP/1.0 client waits for.
    var promisesKeepAlive: Bool
    /// Whether the chunks travel on as chunks; not to an HTTP/1.0 client.
    var isChunked: Bool
    var upgradesToWebSocket: Bool
    /// nil where nothing is told of limits.
    var limitFields: LimitFields?
    /// nil where nothing is set.
    var security: SecurityLines?
    /// Whether the client came over TLS.
    var isSecure = false
    /// Lines about other origins and the content's coding, each with its CR LF.
    var cors: [UInt8] = []
    var coding: [UInt8] = []
  }

  static func write(
    _ head: ResponseHead, _ bytes: UnsafeRawBufferPointer, _ additions: Additions, into output: inout ByteBuffer
  ) {
    OctetWriter.append(to: &output, room: head.length + 1_024) { write(head, bytes, additions, into: &$0) }
  }

  private static func write(
    _ head: ResponseHead, _ bytes: UnsafeRawBufferPointer, _ additions: Additions, into output: inout OctetWriter
  ) {
    writeLinesThatPass(head, bytes, into: &output)
    output.write("x-request-id: ")
    output.write(additions.requestID)
    if additions.upgradesToWebSocket {
      output.write("\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n")
      return
    }
    output.write("\r\n")
    additions.limitFields?.write(into: &output)
    additions.security?.write(
      present: head.security, isPage: head.isHTML, isSecure: additions.isSecure, into: &output)
    if !additions.cors.isEmpty { output.write(additions.cors) }
    if !additions.coding.isEmpty { output.write(additions.coding) }
    if additions.isChunked { output.write("transfer-encoding: chunked\r\n") }
    if additions.closes {
      output.write("connection: close\r\n")
    } else if additions.promisesKeepAlive {
      output.write("connection: keep-alive\r\n")
    }
    output.write("\r\n")
  }

  /// An interim response (1xx) has no framing and no fate of the connection to tell.
  static func writeInterim(_ head: ResponseHead, _ bytes: UnsafeRawBufferPointer, into output: inout ByteBuffer) {
    OctetWriter.append(to: &output, room: head.length + 64) { output in
      writeLinesThatPass(head, bytes, into: &output)
      output.write("\r\n")
    }
  }

  private static func writeLinesThatPass(
    _ head: ResponseHead, _ bytes: UnsafeRawBufferPointer, into output: inout OctetWriter
  ) {
    output.write("HTTP/1.1 ")
    output.write(bytes[ByteRange(9, head.reason.end)])
    output.write("\r\n")
    for run in head.kept.runs { output.write(bytes[run]) }
  }
}
