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
    writeRequestLine(head, bytes, into: &output)
    for run in head.kept.runs { output.writeBytes(bytes[run]) }
    writeForwarding(head, bytes, client, into: &output)
    writeTrace(head, bytes, annotations.trace, into: &output)
    output.writeStaticString("x-request-id: ")
    output.writeBytes(annotations.requestID)
    output.writeStaticString("\r\n")
    if let lines = annotations.identityLines { output.writeBytes(lines) }
    if let line = annotations.authorizationLine { output.writeBytes(line) }
    if head.host == nil {
      output.writeStaticString("host: ")
      output.writeString(annotations.fallbackHost)
      output.writeStaticString("\r\n")
    }
    if head.framing == .chunked { output.writeStaticString("transfer-encoding: chunked\r\n") }
    if head.expectsContinue { output.writeStaticString("expect: 100-continue\r\n") }
    if head.upgradesToWebSocket { output.writeStaticString("connection: Upgrade\r\nupgrade: websocket\r\n") }
    let length = output.readableBytes
    finish(annotations.deadlineMilliseconds, into: &output)
    return length
  }

  /// The last line, and the empty one.
  static func finish(_ deadlineMilliseconds: Int, into output: inout ByteBuffer) {
    output.writeStaticString("x-request-timeout-ms: ")
    output.writeDecimal(deadlineMilliseconds)
    output.writeStaticString("\r\n\r\n")
  }

  private static func writeRequestLine(
    _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, into output: inout ByteBuffer
  ) {
    output.writeString(head.method.name)
    if head.target.path.isEmpty { output.writeStaticString(" /") } else { output.writeStaticString(" ") }
    output.writeBytes(bytes[ByteRange(head.target.path.start, head.target.query.end)])
    output.writeStaticString(" HTTP/1.1\r\n")
    if let host = head.host {
      output.writeStaticString("host: ")
      output.writeBytes(bytes[host])
      output.writeStaticString("\r\n")
    }
  }

  /// `Forwarded` (RFC 7239) and its older relatives. What a client says about itself is replaced; what a trusted
  /// proxy says is kept and added to.
  private static func writeForwarding(
    _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, _ client: ClientAddress, into output: inout ByteBuffer
  ) {
    output.writeStaticString("x-forwarded-for: ")
    if client.isTrustedProxy { writeList(head.forwardedFor, bytes, into: &output) }
    output.writeBytes(client.text)
    output.writeStaticString("\r\nx-forwarded-proto: ")
    // A trusted proxy knows how the client reached it; how it reached us is its affair.
    let told = client.isTrustedProxy ? head.forwardedProto.map { bytes[$0].isEqualIgnoringCase("https") } : nil
    let isHTTPS = told ?? client.isSecure
    output.writeStaticString(isHTTPS ? "https\r\nforwarded: " : "http\r\nforwarded: ")
    if client.isTrustedProxy { writeList(head.forwarded, bytes, into: &output) }
    output.writeStaticString("for=")
    output.writeBytes(client.node)
    output.writeStaticString(isHTTPS ? ";proto=https" : ";proto=http")
    guard var host = head.host else { return _ = output.writeStaticString("\r\n") }
    if client.isTrustedProxy, let told = head.forwardedHost, Authority.isWellFormed(bytes[told]) { host = told }
    output.writeStaticString(";host=\"")
    output.writeBytes(bytes[host])
    output.writeStaticString("\"\r\nx-forwarded-host: ")
    output.writeBytes(bytes[host])
    output.writeStaticString("\r\n")
  }

  private static func writeList(
    _ values: [ByteRange], _ bytes: UnsafeRawBufferPointer, into output: inout ByteBuffer
  ) {
    for value in values where !value.isEmpty {
      output.writeBytes(bytes[value])
      output.writeStaticString(", ")
    }
  }

  private static func writeTrace(
    _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, _ trace: TraceFields, into output: inout ByteBuffer
  ) {
    output.writeStaticString("traceparent: 00-")
    output.writeHex(trace.high)
    output.writeHex(trace.low)
    output.writeStaticString("-")
    output.writeHex(trace.span)
    output.writeStaticString(trace.isSampled ? "-01\r\n" : "-00\r\n")
    // §3.3: a tracestate means nothing without the traceparent that it came with.
    guard trace.continuesInbound else { return }
    for state in head.tracestate {
      output.writeStaticString("tracestate: ")
      output.writeBytes(bytes[state])
      output.writeStaticString("\r\n")
    }
  }
}

extension ByteBuffer {
  /// Sixteen lower-case hexadecimal digits.
  mutating func writeHex(_ value: UInt64) {
    writeWithUnsafeMutableBytes(minimumWritableBytes: 16) { output in
      for index in 0..<16 {
        let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - index * 4)) & 0xF
        output[index] = digit < 10 ? 0x30 + digit : 0x57 + digit
      }
      return 16
    }
  }

  /// `value` in decimal; negative is written as 0.
  mutating func writeDecimal(_ value: Int) {
    var rest = max(0, value)
    writeWithUnsafeMutableBytes(minimumWritableBytes: 20) { output in
      var digits = 1
      var probe = rest
      while probe >= 10 {
        probe /= 10
        digits += 1
      }
      for index in stride(from: digits - 1, through: 0, by: -1) {
        output[index] = 0x30 + UInt8(rest % 10)
        rest /= 10
      }
      return digits
    }
  }
}
