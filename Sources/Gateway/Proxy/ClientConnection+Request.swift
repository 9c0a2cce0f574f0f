import GravityContracts
import NIOCore

/// Reading requests.
extension ClientConnection {
  /// Goes through what was read, as far as the phase allows.
  func process(_ bytes: inout ByteBuffer) {
    while true {
      switch phase {
      case .head:
        guard bytes.readableBytes > 0, readHead(&bytes) else { return }
      case .deciding, .done:
        if bytes.readableBytes > 0 { input = bytes.rest }
        return
      case .body:
        guard readBody(&bytes) else { return }
      case .discarding:
        guard discard(&bytes) else { return }
      case .tunnel:
        guard bytes.readableBytes > 0 else { return }
        noteProgress()
        sendUpstream(bytes)
        return
      case .lingering:
        lingered += bytes.readableBytes
        if lingered > 4 << 20 { close() }
        return
      case .closed: return
      }
    }
  }

  /// - Returns: Whether to go on with what is left.
  private func readHead(_ bytes: inout ByteBuffer) -> Bool {
    var whole: Int?
    do throws(HeadFault) {
      let from = scanned
      let found = try bytes.withUnsafeReadableBytes { (raw) throws(HeadFault) -> Int? in
        try HeadScanner.headLength(raw, from: from)
      }
      guard let length = found else {
        try checkPartial(bytes)
        if deadlineKind != .head {
          setDeadline(.head, worker.readClock() + worker.timeouts.head)
        }
        scanned = bytes.readableBytes
        input = bytes.rest
        return false
      }
      scanned = 0
      whole = length
      if length == 2 {
        // One empty line before a request line is let pass (RFC 9112 §2.2).
        guard !skippedEmptyLine else { throw .malformedRequestLine }
        skippedEmptyLine = true
        bytes.moveReaderIndex(forwardBy: 2)
        return true
      }
      guard length <= worker.headLimits.headBytes else { throw .headTooLarge }
      let limits = worker.headLimits
      try bytes.withUnsafeReadableBytes { (raw) throws(HeadFault) in
        try head.parse(raw[ByteRange(0, length)], limits: limits)
      }
    } catch {
      beginFaulty()
      refuse(Refusal(error), grpc: whole.flatMap { GRPCContentType.find(in: bytes, $0) })
      return false
    }
    skippedEmptyLine = false
    begin(&bytes)
    return true
  }

  private func checkPartial(_ bytes: ByteBuffer) throws(HeadFault) {
    let limits = worker.headLimits
    guard bytes.readableBytes <= limits.headBytes else { throw .headTooLarge }
    let first = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) ?? 0
    guard Octet.isToken(first) || first == Octet.carriageReturn else { throw .malformedRequestLine }
    let line = limits.targetBytes + 64
    if bytes.readableBytes > line, !bytes.readableBytesView.prefix(line).contains(Octet.carriageReturn) {
      throw .targetTooLong
    }
  }

  /// - Returns: Whether the body has ended and something may be left.
  private func readBody(_ bytes: inout ByteBuffer) -> Bool {
    noteProgress()
    do throws(BodyReader.Malformed) {
      while let piece = try body.next(&bytes) {
        // Nothing of what is too much goes on.
        if isBodyTooLarge {
          refuseExchange(.bodyTooLarge(exchange.route?.maximumBodyBytes ?? 0))
          return false
        }
        if piece.readableBytes > 0 { sendUpstream(piece) }
        if body.isDone { break }
      }
    } catch {
      refuseExchange(.malformedBody)
      return false
    }
    guard body.isDone else { return false }
    requestEnded()
    return true
  }

  var isBodyTooLarge: Bool {
    guard let limit = exchange.route?.maximumBodyBytes, limit > 0 else { return false }
    return body.contentBytes > limit
  }

  func requestEnded() {
    phase = .done
    exchange.sentAt = worker.coarseNow
    if !responseStarted { takePlaceAnyway() }
    updateDeadline()
  }

  private func discard(_ bytes: inout ByteBuffer) -> Bool {
    while let piece = (try? body.next(&bytes)) ?? nil { _ = piece }
    guard body.isDone else { return false }
    awaitNext()
    return bytes.readableBytes > 0
  }

  /// The exchange is over; another may come.
  func awaitNext() {
    phase = .head
    idleSince = worker.coarseNow
    setDeadline(.idle, idleSince + worker.timeouts.keepAlive)
  }

  /// Goes on with what waited while the last request was answered.
  func processWaiting() {
    if var waiting = input {
      input = nil
      process(&waiting)
    }
    resumeReading()
  }

  // MARK: - Beginning

  /// A request that cannot be read has an id and a line in the log too.
  private func beginFaulty() {
    startExchange()
    RequestID.generate(into: &exchange.requestID, milliseconds: worker.wallMilliseconds, random: &worker.random)
    exchange.trace = worker.trace(inbound: nil)
    keeps = false
    head = RequestHead()
  }

  /// A request of HTTP/2 that cannot be written as one of HTTP/1.1.
  ///
  /// - Parameter type: As for ``refuse(_:grpc:)``.
  func refuseMalformed(_ fault: HeadFault, grpc type: [UInt8]?) {
    beginFaulty()
    refuse(Refusal(fault), grpc: type)
  }

  private func startExchange() {
    exchangeNumber &+= 1
    hasExchange = true
    responseStarted = false
    exchange.begin(at: worker.readClock(), clientName: address.name)
    deadline = .max
  }

  private func begin(_ bytes: inout ByteBuffer) {
    startExchange()
    exchange.method = head.method
    keeps = head.keepsAlive && !worker.isLeaving
    bytes.withUnsafeReadableBytes { annotate($0) }
    if head.method == .options, answersPreflight(&bytes) { return }
    let routes = worker.routes
    let match = match(bytes, routes)
    if head.target.hasParameters, !takesParameters(match, bytes, routes) { return refuse(.pathParameters, &bytes) }
    switch match {
    case .found(.local(let index)): answerLocally(index, &bytes)
    case .found(.route(let index)):
      let route = routes.routes[index]
      exchange.route = route
      exchange.service = routes.upstreams[route.service]
      if route.cors != nil { noteOrigin(bytes) }
      admit(&bytes)
    case .methodNotAllowed(let allow): refuse(.methodNotAllowed(allow), &bytes)
    case .notFound: refuse(.notFound, &bytes)
    }
  }

  private func annotate(_ bytes: UnsafeRawBufferPointer) {
    if let given = head.requestID, RequestID.isSafe(bytes[given]) {
      exchange.requestID.append(contentsOf: bytes[given])
    } else {
      RequestID.generate(into: &exchange.requestID, milliseconds: worker.wallMilliseconds, random: &worker.random)
    }
    exchange.trace = worker.trace(inbound: head.traceparent.map { bytes[$0] })
    if let given = head.requestTimeout { noteTimeout(bytes[given]) }
    if let given = head.grpcTimeout, let patience = GRPCTimeout.nanoseconds(bytes[given]) { notePatience(patience) }
    if head.target.path.isEmpty {
      exchange.path.writeStaticString("/")
    } else {
      exchange.path.writeBytes(bytes[head.target.path])
    }
    exchange.isSecure = address.isSecure
    guard address.isTrustedProxy else { return }
    exchange.isSecure = head.forwardedProto.map { bytes[$0].isEqualIgnoringCase("https") } ?? address.isSecure
    if let behind = ForwardedChain.client(head.forwardedFor.map { bytes[$0] }, worker) {
      exchange.clientName = behind
    }
  }

  /// A client may shorten the time that its request takes, never lengthen it. What is no number of 1 to 9 digits says
  /// nothing.
  private func noteTimeout(_ digits: UnsafeRawBufferPointer) {
    guard (1...9).contains(digits.count), digits.allSatisfy(Octet.isDigit) else { return }
    let milliseconds = digits.reduce(0) { $0 * 10 + Int64($1 &- 0x30) }
    if milliseconds > 0 { notePatience(milliseconds * 1_000_000) }
  }

  private func notePatience(_ nanoseconds: Int64) {
    let (moment, overflow) = exchange.start.addingReportingOverflow(nanoseconds)
    if !overflow { exchange.latest = min(exchange.latest, moment) }
  }

  private func match(_ bytes: ByteBuffer, _ routes: LoopRoutes) -> RoutingTable.Match {
    routes.table.match(
      bytes.readableBytesUInt8Span, path: head.target.path, method: head.method, host: head.hostName,
      fields: head.kept)
  }
}

/// Who is behind trusted proxies.
enum ForwardedChain {
  /// The last address of `X-Forwarded-For` that is no trusted proxy's, or the first there is.
  static func client(_ values: [UnsafeRawBufferPointer], _ worker: Worker) -> String? {
    let trusted = worker.state.configuration.trustedProxies
    var last: String?
    for value in values.reversed() {
      for part in String(decoding: value, as: UTF8.self).split(separator: ",").reversed() {
        let text = part.trimmingSpaces
        guard let address = IPAddress(text) else { return last }
        last = text
        if !trusted.contains(where: { $0.contains(address) }) { return text }
      }
    }
    return last
  }
}

extension Substring {
  fileprivate var trimmingSpaces: String {
    String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }
}
