import NIOCore

/// Answers of the gateway itself, and the end of an exchange.
extension ClientConnection {
  /// A body of at most so many bytes is read to its end after a refusal, so that the connection lives on.
  private static var discardableBytes: Int { 65_536 }

  /// Refuses a request whose head is still the first of `bytes`.
  func refuse(_ refusal: Refusal, _ bytes: inout ByteBuffer) {
    let type = bytes.withUnsafeReadableBytes { GRPCContentType.find(in: $0, head.kept) }
    consumeUnread(&bytes)
    refuse(refusal, grpc: type)
  }

  /// Refuses a request of which nothing more is read but what the body reader still wants.
  ///
  /// - Parameter type: Where the request is a call of gRPC, what it has its messages in. The log and the metrics have the
  ///   status of HTTP all the same.
  func refuse(_ refusal: Refusal, grpc type: [UInt8]? = nil) {
    if refusal.closes { keeps = false }
    exchange.status = refusal.status
    exchange.refusal = refusal.code
    var output = ByteBufferAllocator().buffer(capacity: 768)
    let addition = { (output: inout ByteBuffer) in
      let security = self.exchange.route.map(\.security) ?? self.worker.state.security
      OctetWriter.append(to: &output) { output in
        security?.write(present: [], isPage: false, isSecure: self.exchange.isSecure, into: &output)
        output.write(self.exchange.corsLines)
      }
    }
    if let type {
      refusal.write(
        grpc: type, requestID: exchange.requestID, connection: connectionLine, into: &output, addition: addition)
    } else {
      refusal.write(
        requestID: exchange.requestID, connection: connectionLine, omitsBody: exchange.method == .head, into: &output,
        addition: addition)
    }
    endAnswer(output)
  }

  /// Refuses a request that was sent on already, at least in part.
  func refuseExchange(_ refusal: Refusal) {
    leaveUpstream()
    guard !responseStarted else { return abortAnswer() }
    if phase != .done { keeps = false }
    // Its own head is gone; what was written for the service has the same line.
    refuse(refusal, grpc: GRPCContentType.find(in: upstreamHead, upstreamHead.readableBytes))
  }

  /// The answer has begun and cannot be brought to its end.
  func abortAnswer() {
    leaveUpstream()
    record()
    abort()
  }

  /// Skips the head, and prepares to throw the body away where it is small enough to be worth it.
  func consumeUnread(_ bytes: inout ByteBuffer) {
    bytes.moveReaderIndex(forwardBy: head.length)
    body = BodyReader(head.framing)
    switch head.framing {
    case .none: break
    case .length(let length) where length <= Self.discardableBytes && !head.expectsContinue: break
    default: keeps = false
    }
  }

  var connectionLine: String {
    if !keeps { return "connection: close\r\n" }
    return head.isVersion10 ? "connection: keep-alive\r\n" : ""
  }

  /// Writes the last of an answer and turns to the next request.
  func endAnswer(_ output: ByteBuffer) {
    record()
    guard keeps else { return writeLast(output, lingering: phase != .done || !body.isDone) }
    write(output, flush: true)
    if body.isDone {
      awaitNext()
    } else {
      phase = .discarding
      setDeadline(.transfer, worker.coarseNow + worker.timeouts.transferIdle)
    }
  }

  /// Tells the log and the metrics.
  func record() {
    guard hasExchange else { return }
    hasExchange = false
    release()
    givePlaceBack(latency: nil)
    let state = worker.state
    let duration = worker.readClock() - exchange.start
    worker.durations.record(duration, method: exchange.method, route: exchange.route, status: exchange.status)
    worker.spans?.record(exchange, duration: duration)
    guard let log = state.accessLog else { return }
    let trace = exchange.trace
    log.record(
      AccessEntry(
        loop: worker.number, method: exchange.method.name, pathBytes: exchange.path, status: exchange.status,
        duration: duration,
        clientAddress: exchange.clientName, traceID: (trace?.high ?? 0, trace?.low ?? 0), spanID: trace?.span ?? 0,
        requestIDBytes: exchange.requestID, route: exchange.route?.route.name, upstream: exchange.upstreamID,
        responseBodyBytes: exchange.responseBodyBytes, refusal: exchange.refusal, httpVersion: httpVersion,
        tlsVersion: tlsVersion))
  }

  private var httpVersion: String {
    if case .stream = transport { return "2" }
    return head.isVersion10 ? "1.0" : "1.1"
  }
}
