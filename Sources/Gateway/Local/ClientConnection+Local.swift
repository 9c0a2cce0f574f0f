import NIOCore

/// Answers that the gateway makes itself.
extension ClientConnection {
  func answerLocally(_ index: Int, _ bytes: inout ByteBuffer) {
    switch worker.state.local[index].answer {
    case .now(let make): answer(make(), &bytes)
    case .later(let document):
      switch document.reply(on: worker.loop) {
      case .kept(let reply): answer(reply, &bytes)
      case .coming(let future): answer(future, &bytes)
      }
    }
  }

  private func answer(_ future: EventLoopFuture<LocalReply>, _ bytes: inout ByteBuffer) {
    let number = exchangeNumber
    future.assumeIsolated().whenSuccess { [weak self] reply in
      guard let self, self.exchangeNumber == number, self.isDeciding(.document) else { return }
      self.resume { $0.answer(reply, &$1) }
    }
    wait(.document, until: exchange.start + worker.timeouts.verification)
  }

  private func answer(_ reply: LocalReply, _ bytes: inout ByteBuffer) {
    consumeUnread(&bytes)
    exchange.status = reply.status
    let isWithBody = head.method != .head && reply.body.readableBytes > 0
    exchange.responseBodyBytes = isWithBody ? reply.body.readableBytes : 0
    var output = ByteBufferAllocator().buffer(capacity: 512)
    output.writeString("HTTP/1.1 \(reply.status) \(reply.status == 200 ? "OK" : Refusal.title(reply.status))\r\n")
    output.writeString("content-type: \(reply.contentType)\r\ncontent-length: \(reply.body.readableBytes)\r\n")
    output.writeStaticString("x-request-id: ")
    output.writeBytes(exchange.requestID)
    output.writeString("\r\ncache-control: no-store\r\n")
    OctetWriter.append(to: &output) { output in
      worker.state.security?.write(present: [], isPage: false, isSecure: exchange.isSecure, into: &output)
    }
    output.writeString("\(connectionLine)\r\n")
    guard isWithBody else { return endAnswer(output) }
    // The body is all askers' and is copied for none.
    write(output, flush: false)
    endAnswer(reply.body)
  }
}

extension Refusal {
  static let documentUnavailable = Refusal(
    503, "document_unavailable", "The document could not be made in time.", headers: "retry-after: 1\r\n",
    members: ",\"retry_after\":1")
}
