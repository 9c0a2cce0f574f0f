import NIOCore

/// What the gateway itself says about a request, upstream.
struct Annotations {
  var trace: TraceFields
  /// 1 to 64 safe characters.
  var requestID: [UInt8]
  /// Milliseconds that the answer may take.
  var deadlineMilliseconds: Int
  /// Lines to add, each with its CR LF; for routes that ask for the caller's claims as headers.
  var identityLines: [UInt8]?
  /// A line to add, with its CR LF: the token that the caller's API key was exchanged for.
  var authorizationLine: [UInt8]?
  /// What stands for Host where an HTTP/1.0 client sent none.
  var fallbackHost: String
}

/// Writes the head that goes upstream: the lines that may pass, and what the gateway sets itself.
enum RequestHeadWriter {
  /// - Returns: How much of what was written is the same for another attempt; the rest is the time that is left, which
  ///   ``finish(_:into:)`` writes.
  @discardableResult
  static func write(
    _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, _ client: ClientAddress, _ annotations: Annotations,
    into output: inout ByteBuffer
  ) -> Int {
    let before = output.readableBytes
    var length = 0
    OctetWriter.append(to: &output, room: head.length + 1_024) { output in
      length = write(head, bytes, client, annotations, into: &output)
      finish(annotations.deadlineMilliseconds, into: &output)
    }
    return before + length
  }

  private static func write(
    _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, _ client: ClientAddress, _ annotations: Annotations,
    into output: inout OctetWriter
  ) -> Int {
    writeRequestLine(head, bytes, into: &output)
    for run in head.kept.runs { output.write(bytes[run]) }
    writeForwarding(head, bytes, client, into: &output)
    writeTrace(head, bytes, annotations.trace, into: &output)
    output.write("x-request-id: ")
    output.write(annotations.requestID)
    output.write("\r\n")
    if let lines = annotations.identityLines { output.write(lines) }
    if let line = annotations.authorizationLine { output.write(line) }
    if head.host == nil {
      output.write("host: ")
      output.writeText(annotations.fallbackHost)
      output.write("\r\n")
    }
    if head.framing == .chunked { output.write("transfer-encoding: chunked\r\n") }
    if head.expectsContinue { output.write("expect: 100-continue\r\n") }
    if head.upgradesToWebSocket { output.write("connection: Upgrade\r\nupgrade: websocket\r\n") }
    return output.count
  }

  /// The last line, and the empty one.
  static func finish(_ deadlineMilliseconds: Int, into output: inout ByteBuffer) {
    OctetWriter.append(to: &output, room: 64) { finish(deadlineMilliseconds, into: &$0) }
  }

  private static func finish(_ deadlineMilliseconds: Int, into output: inout OctetWriter) {
    output.write("x-request-timeout-ms: ")
    output.writeDecimal(deadlineMilliseconds)
    output.write("\r\n\r\n")
  }

  private static func writeRequestLine(
    _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, into output: inout OctetWriter
  ) {
    output.writeText(head.method.name)
    if head.target.path.isEmpty { output.write(" /") } else { output.write(" ") }
    output.write(bytes[ByteRange(head.target.path.start, head.target.query.end)])
    output.write(" HTTP/1.1\r\n")
    if let host = head.host {
      output.write("host: ")
      output.write(bytes[host])
      output.write("\r\n")
    }
  }

  /// `Forwarded` (RFC 7239) and its older relatives. What a client says about itself is replaced; what a trusted
  /// proxy says is kept and added to.
  private static func writeForwarding(
    _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, _ client: ClientAddress, into output: inout OctetWriter
  ) {
    output.write("x-forwarded-for: ")
    if client.isTrustedProxy { writeList(head.forwardedFor, bytes, into: &output) }
    output.write(client.text)
    output.write("\r\nx-forwarded-proto: ")
    // A trusted proxy knows how the client reached it; how it reached us is its affair.
    let told = client.isTrustedProxy ? head.forwardedProto.map { bytes[$0].isEqualIgnoringCase("https") } : nil
    let isHTTPS = told ?? client.isSecure
    output.write(isHTTPS ? "https\r\nforwarded: " : "http\r\nforwarded: ")
    if client.isTrustedProxy { writeList(head.forwarded, bytes, into: &output) }
    output.write("for=")
    output.write(client.node)
    output.write(isHTTPS ? ";proto=https" : ";proto=http")
    guard var host = head.host else { return output.write("\r\n") }
    if client.isTrustedProxy, let told = head.forwardedHost, Authority.isWellFormed(bytes[told]) { host = told }
    output.write(";host=\"")
    output.write(bytes[host])
    output.write("\"\r\nx-forwarded-host: ")
    output.write(bytes[host])
    output.write("\r\n")
  }

  private static func writeList(
    _ values: [ByteRange], _ bytes: UnsafeRawBufferPointer, into output: inout OctetWriter
  ) {
    for value in values where !value.isEmpty {
      output.write(bytes[value])
      output.write(", ")
    }
  }

  private static func writeTrace(
    _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, _ trace: TraceFields, into output: inout OctetWriter
  ) {
    output.write("traceparent: 00-")
    output.writeHex(trace.high)
    output.writeHex(trace.low)
    output.write("-")
    output.writeHex(trace.span)
    output.write(trace.isSampled ? "-01\r\n" : "-00\r\n")
    // §3.3: a tracestate means nothing without the traceparent that it came with.
    guard trace.continuesInbound else { return }
    for state in head.tracestate {
      output.write("tracestate: ")
      output.write(bytes[state])
      output.write("\r\n")
    }
  }
}
