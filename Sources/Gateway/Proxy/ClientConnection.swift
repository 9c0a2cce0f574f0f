import NIOCore

/// A client's connection: reads requests, decides, sends them on and the answers back. One request at a time;
/// pipelined ones wait.
///
/// Everything happens on the connection's event loop. What it does lies in the extensions: requests, admission,
/// upstream, refusals, deadlines.
final class ClientConnection: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// How far the request is.
  enum Phase {
    case head
    /// Somebody else decides whether it may pass: its token is verified, or a store asked about it or a limit.
    case deciding
    case body
    /// Read whole; the answer is under way.
    case done
    /// Answered already; the rest of its body is thrown away.
    case discarding
    case tunnel
    /// The last answer is written; what still comes is thrown away until the client has read it and closes.
    case lingering
    case closed
  }

  enum DeadlineKind {
    case idle, head, verification, blacklist, limit, document, connect, requestBody, firstByte, transfer, linger
  }

  let worker: Worker
  let transport: ClientTransport
  /// `1.3`; nil without TLS, and until it is agreed upon.
  var tlsVersion: String?
  private(set) var context: ChannelHandlerContext?
  /// Where the worker keeps it among its clients.
  var place = -1
  var address = ClientAddress(nil, trusted: [])
  var phase = Phase.head
  /// Bytes that wait for more, or for their turn.
  var input: ByteBuffer?
  /// How much of the waiting bytes has been searched for the end of a head.
  var scanned = 0
  var skippedEmptyLine = false
  var head = RequestHead()
  var body = BodyReader()
  var exchange = Exchange()
  /// Tells a late completion from one for the current request.
  var exchangeNumber: UInt64 = 0
  var hasExchange = false
  /// Whether another request may follow.
  var keeps = true
  var responseStarted = false
  var upstream: UpstreamConnection?
  var instance: LoopInstance?
  /// What the attempt was let in with by the instance's breakers.
  var admission = UpstreamInstance.Admission()
  /// The instance that has the request until the answer is whole.
  var occupied: UpstreamInstance?
  var attemptStart: Int64 = 0
  /// What waits for a connection to the upstream.
  var pending: [ByteBuffer] = []
  var pendingBytes = 0
  /// The head as sent upstream, for another attempt.
  var upstreamHead = ByteBuffer()
  /// How much of it is the same for every attempt.
  var upstreamHeadLength = 0
  var deadline = Int64.max
  var deadlineKind = DeadlineKind.idle
  var idleSince: Int64 = 0
  var lingered = 0
  private var heldRead = false
  private var isClosing = false

  init(worker: Worker, transport: ClientTransport) {
    self.worker = worker
    self.transport = transport
  }

  // MARK: - Channel

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    guard !worker.isFull else {
      phase = .closed
      worker.state.refusedConnections.note(now: worker.readClock())
      context.close(promise: nil)
      return
    }
    let configuration = worker.state.configuration
    address = ClientAddress(
      context.remoteAddress, trusted: configuration.trustedProxies, isSecure: configuration.tls != nil)
    idleSince = worker.readClock()
    // Who connects and says nothing has as long as for a head, not as between requests.
    setDeadline(.idle, idleSince + worker.timeouts.head)
    worker.add(self)
    context.fireChannelActive()
  }

  /// As ``channelActive(context:)``, of a stream.
  func began(on stream: HTTP2Exchange) {
    address = stream.connection.address
    tlsVersion = stream.connection.tlsVersion
    idleSince = worker.coarseNow
    setDeadline(.idle, idleSince + worker.timeouts.head)
    worker.add(self)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { receive(unwrapInboundIn(data)) }

  func receive(_ read: ByteBuffer) {
    var bytes = read
    if var waiting = input {
      input = nil
      waiting.writeBuffer(&bytes)
      process(&waiting)
    } else {
      process(&bytes)
    }
  }

  func read(context: ChannelHandlerContext) {
    if mayRead { context.read() } else { heldRead = true }
  }

  /// Whether what the client sends is wanted now.
  var mayRead: Bool {
    switch phase {
    // Whoever asks and asks without reading what is answered here would fill the memory.
    case .head, .discarding: isWritable
    case .lingering, .closed: true
    case .deciding, .done: input == nil
    case .body, .tunnel: upstreamTakesMore
    }
  }

  private var upstreamTakesMore: Bool {
    guard let upstream, upstream.isActive else { return pendingBytes < 65_536 }
    return upstream.isWritable
  }

  /// Reads on, where reading was put off and nothing speaks against it any more.
  @inline(__always)
  func resumeReading() {
    if case .stream(let stream) = transport { return stream.deliver() }
    guard heldRead, mayRead else { return }
    heldRead = false
    context?.read()
  }

  var isWritable: Bool {
    if case .stream(let stream) = transport { return stream.isWritable }
    return context?.channel.isWritable ?? false
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { transportBecameWritable() }
    context.fireChannelWritabilityChanged()
  }

  func transportBecameWritable() {
    if hasExchange, responseStarted { noteProgress() }
    upstream?.resumeReading()
    resumeReading()
  }

  func channelInactive(context: ChannelHandlerContext) {
    transportEnded()
    context.fireChannelInactive()
  }

  func transportEnded() {
    phase = .closed
    deadline = .max
    input = nil
    if hasExchange {
      if exchange.status == 0 { exchange.status = 499 }
      leaveUpstream()
      record()
    }
    worker.remove(self)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  // MARK: - Writing

  @inline(__always)
  func write(_ bytes: ByteBuffer, flush: Bool) {
    if case .stream(let stream) = transport { return stream.write(bytes) }
    guard let context else { return }
    if flush {
      context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    } else {
      context.write(wrapOutboundOut(bytes), promise: nil)
    }
  }

  func flush() { context?.flush() }

  /// Writes the last bytes of the connection and closes it when they are out.
  ///
  /// - Parameter lingering: Whether the client may still be sending. Closing on unread bytes would reset the
  ///   connection, and the client might lose the answer; so only our side is closed at first (RFC 9112 §9.6).
  func writeLast(_ bytes: ByteBuffer, lingering: Bool) {
    guard !isClosing else { return }
    isClosing = true
    phase = .lingering
    input = nil
    setDeadline(.linger, worker.coarseNow + worker.timeouts.transferIdle)
    if case .stream(let stream) = transport {
      stream.write(bytes)
      return stream.close()
    }
    guard let context else { return }
    let promise = context.eventLoop.makePromise(of: Void.self)
    promise.futureResult.assumeIsolated().whenComplete { [weak self] _ in
      guard let self, let context = self.context else { return }
      guard lingering else { return context.close(promise: nil) }
      self.setDeadline(.linger, self.worker.readClock() + 2_000_000_000)
      context.close(mode: .output, promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
    resumeReading()
  }

  func close() {
    phase = .closed
    if case .stream(let stream) = transport { return stream.close() }
    context?.close(promise: nil)
  }

  /// Ends the connection so that the client sees that the answer is not whole.
  func abort() {
    phase = .closed
    if case .stream(let stream) = transport { return stream.abort() }
    guard let context else { return }
    // A reset instead of an orderly end: where a body ends with the connection, an orderly end would say "complete".
    context.channel.resetOnClose()
    if case .tls = transport { context.channel.closeWithoutTLS() } else { context.close(promise: nil) }
  }

  /// The connection speaks HTTP/2, and this is no part of it any more.
  func retire() {
    phase = .closed
    deadline = .max
    worker.remove(self)
  }

  // MARK: - Deadlines

  @inline(__always)
  func setDeadline(_ kind: DeadlineKind, _ moment: Int64) {
    deadlineKind = kind
    deadline = moment
  }
}
