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
    /// The service said that it has done nothing with the request.
    case unprocessed
    /// What came is no answer (RFC 9112).
    case malformed
    /// The first byte of the answer did not come in time.
    case timedOut
    /// It was answered with one of ``RetrySettings/statuses``.
    case refused
  }

  /// The request may go: writes its head for the upstream, and sends that and what is there of the body.
  func dispatch(_ bytes: inout ByteBuffer) {
    guard let route = exchange.route, let trace = exchange.trace else { return refuse(.notFound, &bytes) }
    guard takePlace(route) else { return refuse(.overloaded(route.route.service), &bytes) }
    let annotations = Annotations(
      trace: trace, requestID: exchange.requestID, deadlineMilliseconds: millisecondsLeft(route),
      identityLines: route.route.identityHeaders ? exchange.token?.identityLines : nil,
      authorizationLine: exchange.token?.authorizationLine, fallbackHost: route.route.service)
    // Written in a variable of its own: a property would have its exclusive access checked for every piece.
    var first = ByteBuffer()
    swap(&first, &upstreamHead)
    first.clear(minimumCapacity: head.length + 512)
    bytes.withUnsafeReadableBytes { raw in
      if let source = route.hashSource { exchange.hashKey = source.key(head, raw, client: exchange.clientName) }
      if let rules = route.compression { exchange.coding = rules.coding(head, raw) }
      upstreamHeadLength = RequestHeadWriter.write(head, raw, address, annotations, into: &first)
    }
    upstreamHead = first
    bytes.moveReaderIndex(forwardBy: head.length)
    body = BodyReader(head.framing)
    if !pending.isEmpty { pending.removeAll(keepingCapacity: true) }
    pendingBytes = 0
    exchange.service?.budget.deposit()
    if body.isDone {
      phase = .done
      exchange.sentAt = exchange.start
    } else {
      phase = .body
      // A small body goes with the head in one write.
      if bytes.readableBytes > 0, bytes.readableBytes <= 16_384, !takeFirstPieces(&bytes, into: &first) { return }
      if phase == .body { bodyWillLast() }
    }
    attempt(first)
  }

  /// The client sends its body as fast as it can, which may be slowly. The service works on no answer meanwhile, so that
  /// no other request has to stand back for it; there was room when this one began.
  private func bodyWillLast() {
    givePlaceBack(latency: nil)
    let type = GRPCContentType.find(in: upstreamHead, upstreamHeadLength)
    exchange.bodyLatest = type == nil ? exchange.start + worker.timeouts.bodyGrace : .max
  }

  /// How long the answer may take: what the route allows, and no longer than what is left of the whole time and of the
  /// client's patience; at least 1.
  private func millisecondsLeft(_ route: PreparedRoute) -> Int {
    let spent = worker.coarseNow - exchange.start
    guard spent > 1_000_000 || exchange.latest < .max else { return route.deadlineMilliseconds }
    let left = min(route.total - spent, exchange.latest - worker.coarseNow) / 1_000_000
    return max(1, min(route.deadlineMilliseconds, Int(left)))
  }

  /// The head says how much time is left now, wherever it waits.
  private func renewHead(_ route: PreparedRoute) {
    var renewed = ByteBuffer()
    renewed.reserveCapacity(upstreamHead.readableBytes + 32)
    if let same = upstreamHead.getSlice(at: upstreamHead.readerIndex, length: upstreamHeadLength) {
      renewed.writeImmutableBuffer(same)
    }
    RequestHeadWriter.finish(millisecondsLeft(route), into: &renewed)
    if !pending.isEmpty {
      var first = renewed
      pendingBytes -= pending[0].readableBytes
      pending[0].moveReaderIndex(forwardBy: upstreamHead.readableBytes)
      first.writeImmutableBuffer(pending[0])
      pending[0] = first
      pendingBytes += first.readableBytes
    }
    upstreamHead = renewed
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
    guard let route = exchange.route, let service = exchange.service else { return refuseExchange(.notFound) }
    let now = exchange.attempts == 0 ? exchange.start : worker.readClock()
    release()
    switch service.choose(demand(route, now), excluding: exchange.tried, random: &worker.random) {
    case .none: refuseExchange(.noInstance(route.route.service))
    case .broken(let wait, let isProbed): refuseExchange(.breakerOpen(route.route.service, wait, isProbed: isProbed))
    case .instance(let chosen, let admission):
      self.admission = admission
      exchange.attempts += 1
      exchange.upstreamID = chosen.shared.instance.id
      instance = chosen
      attemptStart = now
      chosen.load.began()
      chosen.shared.beganRequest()
      occupied = chosen.shared
      connect(chosen, first)
    }
  }

  @inline(__always)
  private func demand(_ route: PreparedRoute, _ now: Int64) -> LoopUpstream.Demand {
    .init(rule: route.balance, key: exchange.hashKey, route: route.identity, now: now)
  }

  /// The instance no longer has the request.
  @inline(__always)
  func release() {
    guard let occupied else { return }
    self.occupied = nil
    occupied.endedRequest()
  }

  private func connect(_ chosen: LoopInstance, _ first: ByteBuffer?) {
    if head.upgradesToWebSocket, chosen.shared.instance.speaksHTTP2 {
      endAttempt(.unknown)
      return refuseExchange(.badGateway("The service speaks HTTP/2, in which this gateway opens no WebSocket."))
    }
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

  /// What the breakers and the balancer are to know.
  ///
  /// - Parameter latency: Nanoseconds until the answer began; nil where there is none. How long it was waited for says
  ///   something about the instance then, whoever gave up.
  func endAttempt(_ end: UpstreamInstance.AttemptEnd, latency: Int64? = nil) {
    guard let instance else { return }
    self.instance = nil
    let now = worker.coarseNow
    if let latency {
      instance.load.ended(latency: latency, now: now)
    } else {
      instance.load.ended(noAnswerWithin: waited(until: now), now: now)
    }
    tell(instance.shared, end, now)
  }

  @inline(__always)
  private func tell(_ instance: UpstreamInstance, _ end: UpstreamInstance.AttemptEnd, _ now: Int64) {
    instance.record(
      end, of: admission, route: exchange.route?.identity ?? 0, now: now, random: worker.random.unit())
  }

  /// Nanoseconds for which the instance has had the whole request.
  private func waited(until now: Int64) -> Int64 { max(0, now - max(attemptStart, exchange.sentAt ?? now)) }

  /// Whether a service would have answered by now, whatever the client's patience: no client that waits for a
  /// millisecond is to open breakers, but one that waits for seconds is not to hide that an instance hangs.
  private var isLate: Bool {
    let usual = Int64(min(exchange.service?.concurrency.usual ?? 0, 1e12))
    return waited(until: worker.coarseNow) >= max(1_000_000_000, 10 * usual)
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
    // Whose patience ended is no matter of the instance: a client that waits for a millisecond must not open breakers.
    let isClients = worker.coarseNow >= exchange.latest
    switch failure {
    case .connectFailed: endAttempt(.unreachable)
    case .connectTimeout: endAttempt(isClients ? .unknown : .unreachable)
    case .timedOut:
      let isInstances = !isClients || isLate
      endAttempt(isInstances ? .unanswered : .unknown)
      if isInstances { givePlaceBack(latency: worker.coarseNow - attemptStart) }
    case .closed, .unprocessed, .malformed: endAttempt(.unanswered)
    case .refused: endAttempt(.unknown)
    }
    if let connection = upstream {
      upstream = nil
      connection.abandon()
    }
    guard !responseStarted else { return breakOffAnswer() }
    if takesRetry(failure, failed) { return tryAgain(failed) }
    switch failure {
    case .connectFailed: refuseExchange(.badGateway("The service cannot be reached."))
    case .connectTimeout: refuseExchange(.gatewayTimeout("The service cannot be reached in time."))
    case .closed: refuseExchange(.badGateway("The service ended the connection before it answered."))
    case .unprocessed: refuseExchange(.badGateway("The service did not take the request."))
    case .malformed: refuseExchange(.badGateway("What the service answered is not HTTP."))
    case .timedOut, .refused: refuseExchange(.gatewayTimeout("The service did not answer in time."))
    }
    processWaiting()
  }

  /// The service has begun an answer and does not bring it to its end.
  func breakOffAnswer() {
    exchange.refusal = "upstream_aborted"
    // That it began to answer was told as a success.
    if let occupied { tell(occupied, .unanswered, worker.coarseNow) }
    abortAnswer()
  }

  /// Whether the request goes to another instance instead of this answer to the client. Then the caller lets go of the
  /// connection, and calls ``tryAgain(_:)`` with what was given back.
  func setsAside(status: Int, now: Int64) -> LoopInstance? {
    guard worker.state.configuration.retries.statuses.contains(status), let failed = instance,
      takesRetry(.refused, failed)
    else { return nil }
    endAttempt(.answered(status: status), latency: now - attemptStart)
    upstream = nil
    return failed
  }

  func tryAgain(_ failed: LoopInstance?) {
    guard let route = exchange.route else { return refuseExchange(.notFound) }
    if let failed { exchange.tried.append(failed) }
    // One whose time was up gave its place back, so that its time was counted.
    guard exchange.hasPlace || phase == .body || takePlace(route) else {
      refuseExchange(.overloaded(route.route.service))
      return processWaiting()
    }
    worker.state.metrics.retries.increment()
    renewHead(route)
    // What never left is still pending; what did is sent again, which for such a request is its head alone.
    attempt(pending.isEmpty ? upstreamHead : nil)
    // There was nobody to ask: what the client has sent behind this request has its turn.
    if !hasExchange { processWaiting() }
  }

  /// Whether there is to be another attempt, for which the budget has paid then.
  private func takesRetry(_ failure: AttemptFailure, _ failed: LoopInstance?) -> Bool {
    guard mayRetry(failure), let route = exchange.route, let service = exchange.service else { return false }
    let now = worker.readClock()
    switch failure {
    case .timedOut, .refused:
      // The same instance would do the same again.
      guard service.hasOther(demand(route, now), than: exchange.tried + [failed].compactMap(\.self)) else {
        return false
      }
    case .connectFailed, .connectTimeout, .closed, .unprocessed, .malformed: break
    }
    return service.budget.withdraw(now: now)
  }

  /// Only what was never sent, or may be done twice and has no body that would be needed again.
  private func mayRetry(_ failure: AttemptFailure) -> Bool {
    guard worker.coarseNow < exchange.latest else { return false }
    guard exchange.attempts < exchange.route?.attempts ?? 1, exchange.interims == 0 else { return false }
    if let sentAt = exchange.sentAt,
      worker.coarseNow - sentAt >= exchange.route?.total ?? worker.timeouts.total
    {
      return false
    }
    switch failure {
    case .connectFailed, .connectTimeout: return true
    // Its body is not kept.
    case .unprocessed: return head.framing == .none
    case .closed, .timedOut, .refused:
      return head.method.isIdempotent && head.framing == .none && !head.upgradesToWebSocket
    case .malformed: return false
    }
  }

  // MARK: - Answers

  /// A final response's head has been read.
  func responseBegan(status: Int, isStreaming: Bool, now: Int64) {
    responseStarted = true
    exchange.status = status
    exchange.isStreaming = isStreaming
    endAttempt(.answered(status: status), latency: now - attemptStart)
    givePlaceBack(latency: now - max(attemptStart, exchange.sentAt ?? now))
    // An answer before the end of the request: the rest is read by nobody.
    if phase == .body { keeps = false }
    if worker.isLeaving { keeps = false }
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
  func responseEndedByClose(_ last: ByteBuffer = ByteBuffer()) {
    upstream = nil
    record()
    writeLast(last, lingering: false)
  }

  /// The upstream took the WebSocket handshake.
  func tunnelBegan(_ head: ByteBuffer) {
    phase = .tunnel
    keeps = false
    givePlaceBack(latency: nil)
    updateDeadline()
    write(head, flush: true)
    processWaiting()
  }
}
