import NIOCore

/// What happens when something takes too long.
extension ClientConnection {
  private var timeouts: TimeoutNanoseconds { worker.timeouts }

  /// The deadline that follows from how far the request and its answer are.
  func updateDeadline() {
    let now = worker.coarseNow
    if phase == .tunnel || exchange.isStreaming {
      return setDeadline(.transfer, now + timeouts.tunnelIdle)
    }
    if responseStarted { return setDeadline(.transfer, now + timeouts.transferIdle) }
    guard let upstream, upstream.isActive else {
      return setDeadline(.connect, bounded(attemptStart + timeouts.connect))
    }
    guard let sentAt = exchange.sentAt else {
      return setDeadline(.requestBody, bodyDeadline(now))
    }
    let allowed = exchange.route?.firstByte ?? timeouts.firstByte
    setDeadline(.firstByte, bounded(max(sentAt, attemptStart) + allowed))
  }

  private func bounded(_ moment: Int64) -> Int64 {
    let total = exchange.route?.total ?? timeouts.total
    return min(moment, exchange.latest, (exchange.sentAt ?? worker.coarseNow) + total)
  }

  /// Until when more of the body has to come: soon, and on the whole not too slowly. Whoever sends a byte now and then
  /// would have a connection to the service for as long as they like.
  private func bodyDeadline(_ now: Int64) -> Int64 {
    let rate = Int64(worker.state.configuration.limits.minimumBodyRate)
    guard rate > 0, exchange.bodyLatest < .max else { return min(now + timeouts.transferIdle, exchange.latest) }
    let earned = Int64(body.contentBytes).multipliedReportingOverflow(by: 1_000_000_000 / rate)
    let slowest = exchange.bodyLatest.addingReportingOverflow(earned.partialValue)
    return min(
      now + timeouts.transferIdle, exchange.latest, earned.overflow || slowest.overflow ? .max : slowest.partialValue)
  }

  /// A body or a tunnel moves.
  @inline(__always)
  func noteProgress() {
    switch deadlineKind {
    case .requestBody: deadline = bodyDeadline(worker.coarseNow)
    case .transfer:
      let isLong = exchange.isStreaming || phase == .tunnel
      deadline = worker.coarseNow + (isLong ? timeouts.tunnelIdle : timeouts.transferIdle)
    default: break
    }
  }

  /// Some of what waits for a stream's window is out, after the last of it was written.
  func noteSent() {
    if case .linger = deadlineKind { deadline = worker.coarseNow + timeouts.transferIdle }
  }

  func timedOut(_ now: Int64) {
    deadline = .max
    switch deadlineKind {
    case .idle: close()
    // Closing a stream waits for what was written, which its client does not take.
    case .linger: if isConnection { close() } else { abort() }
    case .head: refuseLateHead()
    case .verification:
      exchangeNumber &+= 1
      resume { $0.refuse(.identityUnavailable, &$1) }
    case .blacklist: blacklistAnswered(.unknown)
    case .limit: limitAnswered(.unanswered)
    case .document:
      exchangeNumber &+= 1
      resume { $0.refuse(.documentUnavailable, &$1) }
    case .connect: upstreamFailed(.connectTimeout)
    case .firstByte: upstreamFailed(.timedOut)
    case .requestBody:
      if now >= exchange.latest { return refuseExchange(.gatewayTimeout("The service did not answer in time.")) }
      refuseExchange(
        upstream?.isWritable == false
          ? .gatewayTimeout("The service does not take the request.") : .clientTimeout)
    case .transfer:
      guard hasExchange else { return close() }
      // A client that takes nothing holds the service up, not the other way round.
      if phase != .tunnel, !exchange.isStreaming, upstream != nil, isWritable {
        breakOffAnswer()
      } else {
        abortAnswer()
      }
    }
  }

  /// Part of a head came, and then nothing.
  private func refuseLateHead() {
    exchangeNumber &+= 1
    hasExchange = true
    responseStarted = false
    exchange.begin(at: worker.coarseNow, clientName: address.name)
    RequestID.generate(into: &exchange.requestID, milliseconds: worker.wallMilliseconds, random: &worker.random)
    head = RequestHead()
    refuse(.clientTimeout)
  }

  /// While draining: a connection that has asked nothing since `moment` asks nothing more. A stream of events has no end
  /// of its own and would be waited for in vain: it ends now, and its client comes back to whoever listens then. So does
  /// a WebSocket as soon as nothing has passed through it since `moment`.
  func closeIfIdle(since moment: Int64) {
    if phase == .tunnel, deadlineKind == .transfer, deadline - timeouts.tunnelIdle <= moment {
      leaveUpstream()
      record()
      return close()
    }
    if hasExchange, responseStarted, exchange.isStreaming, phase == .done {
      leaveUpstream()
      record()
      return close()
    }
    guard phase == .head, input == nil, idleSince <= moment else { return }
    close()
  }
}
