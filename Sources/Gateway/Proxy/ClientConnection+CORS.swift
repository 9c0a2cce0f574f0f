import NIOCore

/// Pages of other origins.
extension ClientConnection {
  /// Answers a preflight, which comes without a token and goes to no service. A request that is none, or for what no
  /// policy speaks of, goes on as any other.
  ///
  /// - Returns: Whether it was answered.
  func answersPreflight(_ bytes: inout ByteBuffer) -> Bool {
    let routes = worker.routes
    let found = bytes.withUnsafeReadableBytes { raw in CORSRules.requestedMethod(head, raw) }
    guard let method = found,
      case .found(.route(let index)) = routes.table.match(
        bytes.readableBytesUInt8Span, path: head.target.path, method: method, host: head.hostName, fields: head.kept),
      let rules = routes.routes[index].cors
    else { return false }
    exchange.route = routes.routes[index]
    noteOrigin(bytes)
    guard let lines = bytes.withUnsafeReadableBytes({ rules.preflight(method, head, $0) }) else {
      refuse(.originNotAllowed(method.name), &bytes)
      return true
    }
    consumeUnread(&bytes)
    exchange.status = 204
    var output = ByteBufferAllocator().buffer(capacity: 512)
    output.writeStaticString("HTTP/1.1 204 No Content\r\nx-request-id: ")
    output.writeBytes(exchange.requestID)
    output.writeStaticString("\r\n")
    output.writeBytes(lines)
    output.writeString("\(connectionLine)\r\n")
    endAnswer(output)
    return true
  }

  /// What the answer is to say, whoever gives it: a page can read a refusal only where the refusal lets it.
  func noteOrigin(_ bytes: ByteBuffer) {
    guard let rules = exchange.route?.cors else { return }
    exchange.corsLines = bytes.withUnsafeReadableBytes { rules.lines(head, $0) }
  }
}
