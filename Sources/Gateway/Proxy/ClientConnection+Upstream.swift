import CoreMetrics
import GravityDiscovery
import NIOCore

/// Sending requests on, again where that is allowed, and answers back.
extension ClientConnection {
  /// Why an attempt came to nothing.
  enum AttemptFailure {
    case connectFailed, connectTimeout
    /// The connection ended before the answer did.
    case closed
    /// What came is no answer (RFC 9112).
    case malformed
  }

  /// The request may go: writes its head for the upstream, and sends that and what is there of the body.
  func dispatch(_ bytes: inout ByteBuffer) {
    guard let route = exchange.route, let trace = exchange.trace else { return refuse(.notFound, &bytes) }
    let annotations = Annotations(
      trace: trace, requestID: exchange.requestID, deadlineMilliseconds: route.deadlineMilliseconds,
      identityLines: route.route.identityHeaders ? exchange.token?.identityLines : nil,
      fallbackHost: route.route.service)
    // Written in a variable of its own: a property would have its exclusive access checked for every piece.
    var first = ByteBuffer()
    swap(&first, &upstreamHead)
    first.clear(minimumCapacity: head.length + 512)
    bytes.withUnsafeReadableBytes { raw in
      RequestHeadWriter.write(head, raw, address, annotations, into: &first)
    }
    upstreamHead = first
    bytes.moveReaderIndex(forwardBy: head.length)
    body = BodyReader(head.framing)
    if !pending.isEmpty { pending.removeAll(keepingCapacity: true) }
    pendingBytes = 0
    worker.upstreams[route.service].budget.deposit()
    if body.isDone {
      phase = .done
      exchange.sentAt = exchange.start
    } else {
      phase = .body
      // A small body goes with the head in one write.
      if bytes.readableBytes > 0, bytes.readableBytes <= 16_384, !takeFirstPieces(&bytes, into: &first) { return }
    }
    attempt(first)
  }

  /// - Returns: false when the request was refused.
  private func takeFirstPieces(_ bytes: inout ByteBuffer, into first: inout ByteBuffer) -> Bool {
    do throws(BodyReader.Malformed) {
      while let piece = try body.next(&bytes) {
        first.writeImmutableBuffer(piece)
        if body.isDone { break }
      }
    } catch {
      refuseExchange(.malformedBody)
      return false
    }
    if isBodyTooLarge {
      refuseExchange(.bodyTooLarge(exchange.route?.maximumBodyBytes ?? 0))
      return false
    }
    if body.isDone {
      phase = .done
      exchange.sentAt = exchange.start
    }
    return true
  }

  /// Chooses an instance and sends `first` there, as soon as there is a connection.
  private func attempt(_ first: ByteBuffer?) {
    guard let route = exchange.route else { return refuseExchange(.notFound) }
    let now = exchange.attempts == 0 ? exchange.start : worker.readClock()
    let service = worker.upstreams[route.service]
    switch service.choose(excluding: exchange.tried, now: now, random: &worker.random) {
    case .none: refuseExchange(.noInstance(route.route.service))
    case .broken(let wait): refuseExchange(.breakerOpen(route.route.service, wait))
    case .instance(let chosen):
      exchange.attempts += 1
      exchange.upstreamID = chosen.shared.instance.id
      instance = chosen
      attemptStart = now
      chosen.load.began()
      connect(chosen, first)
    }
  }

  private func connect(_ chosen: LoopInstance, _ first: ByteBuffer?) {
    if !head.upgradesToWebSocket, let idle = chosen.takeIdle() {
      upstream = idle
      idle.begin(self)
      if let first { idle.send(first) }
      if !pending.isEmpty { sendPending() }
      return updateDeadline()
    }
    if let first {
      pending.append(first)
      pendingBytes += first.readableBytes
    }
    guard chosen.connections < worker.state.configuration.limits.upstreamConnectionsPerLoop else {
      endAttempt(.unknown)
      return refuseExchange(.saturated(exchange.route?.route.service ?? ""))
    }
    let connection = UpstreamConnection(worker: worker, instance: chosen)
    upstream = connection
    connection.begin(self)
    updateDeadline()
    connection.connect()
  }

  /// The connection to the upstream is there.
  func upstreamConnected() {
    sendPending()
    updateDeadline()
    resumeReading()
  }

  private func sendPending() {
    guard let upstream else { return }
    for piece in pending { upstream.send(piece) }
    pending.removeAll(keepingCapacity: true)
    pendingBytes = 0
  }

  @inline(__always)
  func sendUpstream(_ piece: ByteBuffer) {
    if let upstream, upstream.isActive {
      upstream.send(piece)
    } else {
      pending.append(piece)
      pendingBytes += piece.readableBytes
    }
  }

  // MARK: - Ends of attempts

  /// What the breaker and the balancer are to know.
  func endAttempt(_ outcome: BreakerState.Outcome, latency: Int64? = nil) {
    guard let instance else { return }
    self.instance = nil
    let now = worker.coarseNow
    instance.load.ended(latency: latency, now: now)
    instance.shared.breaker.record(outcome, now: now, random: worker.random.unit())
  }

  /// Lets go of the upstream: its connection cannot be used again.
  func leaveUpstream() {
    endAttempt(.unknown)
    guard let connection = upstream else { return }
    upstream = nil
    connection.abandon()
  }

  func upstreamFailed(_ failure: AttemptFailure) {
    let failed = instance
    endAttempt(.failure)
    if let connection = upstream {
      upstream = nil
      connection.abandon()
    }
    guard !responseStarted else { return abortAnswer() }
    if mayRetry(failure), let route = exchange.route,
      worker.upstreams[route.service].budget.withdraw(now: worker.readClock())
    {
      if let failed { exchange.tried.append(failed) }
      worker.state.metrics.retries.increment()
      // What never left is still pending; what did is sent again, which for such a request is its head alone.
      attempt(pending.isEmpty ? upstreamHead : nil)
      return
    }
    switch failure {
    case .connectFailed: refuseExchange(.badGateway("The service cannot be reached."))
    case .connectTimeout: refuseExchange(.gatewayTimeout("The service cannot be reached in time."))
    case .closed: refuseExchange(.badGateway("The service ended the connection before it answered."))
    case .malformed: refuseExchange(.badGateway("What the service answered is not HTTP."))
    }
    processWaiting()
  }

  /// Only what was never sent, or may be done twice and has no body that would be needed again.
  private func mayRetry(_ failure: AttemptFailure) -> Bool {
    guard exchange.attempts < worker.state.configuration.retries.attempts, exchange.interims == 0 else { return false }
    if let sentAt = exchange.sentAt,
      worker.coarseNow - sentAt >= worker.timeouts.total
    {
      return false
    }
    switch failure {
    case .connectFailed, .connectTimeout: return true
    case .closed: return head.method.isIdempotent && head.framing == .none && !head.upgradesToWebSocket
    case .malformed: return false
    }
  }

  // MARK: - Answers

  /// A final response's head has been read.
  func responseBegan(status: Int, isStreaming: Bool, now: Int64) {
    responseStarted = true
    exchange.status = status
    exchange.isStreaming = isStreaming
    let outcome: BreakerState.Outcome =
      switch status {
      case 502, 503, 504: .failure
      case 500...: .serverError
      default: .success
      }
    endAttempt(outcome, latency: now - attemptStart)
    // An answer before the end of the request: the rest is read by nobody.
    if phase == .body { keeps = false }
    if worker.isDraining { keeps = false }
    updateDeadline()
  }

  /// Bytes of the answer.
  @inline(__always)
  func deliver(_ bytes: ByteBuffer, flush: Bool) {
    noteProgress()
    write(bytes, flush: flush)
  }

  /// The answer is whole with `last`. The upstream's connection is no longer ours.
  func responseEnded(_ last: ByteBuffer) {
    upstream = nil
    record()
    guard keeps, phase == .done else { return writeLast(last, lingering: phase != .done) }
    write(last, flush: true)
    awaitNext()
    processWaiting()
  }

  /// The upstream's side has ended in good order, and with it the answer.
  func responseEndedByClose() {
    upstream = nil
    record()
    writeLast(ByteBuffer(), lingering: false)
  }

  /// The upstream took the WebSocket handshake.
  func tunnelBegan(_ head: ByteBuffer) {
    phase = .tunnel
    keeps = false
    updateDeadline()
    write(head, flush: true)
    processWaiting()
  }
}
