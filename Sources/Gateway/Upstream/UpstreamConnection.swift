import CoreMetrics
import GravityDiscovery
import NIOCore
import NIOPosix

/// A connection to an instance. Between requests it lies in its pool.
final class UpstreamConnection: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum Phase { case connecting, idle, head, body, tunnel, closed }

  let worker: Worker
  let instance: LoopInstance
  var client: ClientConnection?
  var phase = Phase.connecting
  var head = ResponseHead()
  var body = BodyReader()
  /// Bytes of a head that is not whole yet.
  var input: ByteBuffer?
  var scanned = 0
  /// The head as the client gets it; its storage is used again.
  var output = ByteBuffer()
  var needsFlush = false
  /// nil where the answer goes as it is.
  var encoder: BodyEncoder?
  /// Whether what the encoder holds back comes out in a moment.
  var awaitsFlush = false
  private(set) var idleSince: Int64 = 0
  private(set) var isActive = false
  private(set) var context: ChannelHandlerContext?
  /// What stands for the connection where the service speaks HTTP/2.
  private var stream: HTTP2ServiceStream?
  private var heldRead = false
  private var isCounted = true

  init(worker: Worker, instance: LoopInstance) {
    self.worker = worker
    self.instance = instance
    instance.connections += 1
    worker.state.metrics.upstreamConnections.increment()
  }

  /// Takes up the next request of `client`.
  func begin(_ client: ClientConnection) {
    self.client = client
    if phase == .idle { phase = .head }
  }

  func connect() {
    if instance.shared.instance.speaksHTTP2 { return instance.streams(worker).open(self) }
    let loop = worker.loop
    let bound = NIOLoopBound(self, eventLoop: loop)
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(.nanoseconds(worker.state.configuration.timeouts.connect.nanoseconds))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
      }
    let shared = instance.shared
    let connecting =
      if let address = shared.address {
        bootstrap.connect(to: address)
      } else {
        bootstrap.connect(host: shared.instance.host, port: shared.instance.port)
      }
    connecting.assumeIsolated().whenFailure { self.connectFailed(isLate: $0.isConnectTimeout) }
  }

  /// - Parameter isLate: Whether nobody said no.
  func connectFailed(isLate: Bool) {
    ended()
    guard let client else { return }
    self.client = nil
    client.upstreamFailed(isLate ? .connectTimeout : .connectFailed)
  }

  // MARK: - Channel

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    connected()
    context.fireChannelActive()
  }

  /// The service speaks HTTP/2, and this is the request's stream.
  func connected(_ stream: HTTP2ServiceStream) {
    self.stream = stream
    connected()
  }

  private func connected() {
    isActive = true
    guard let client else {
      // The client gave up meanwhile; the connection is as good as any.
      return goIdle()
    }
    phase = .head
    client.upstreamConnected()
  }

  func channelInactive(context: ChannelHandlerContext) {
    transportEnded()
    context.fireChannelInactive()
  }

  private func transportEnded() {
    isActive = false
    let before = phase
    ended()
    instance.forget(self)
    if let client {
      self.client = nil
      if before == .tunnel || before == .body && body.isUntilClose, let last = lastOfEncoding(client) {
        client.responseEndedByClose(last)
      } else {
        client.upstreamFailed(.closed)
      }
    }
    endEncoding()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A reset is no orderly end: a body that ends with the connection is not whole then.
    if let client {
      self.client = nil
      isActive = false
      client.upstreamFailed(.closed)
    }
    context.close(promise: nil)
  }

  func read(context: ChannelHandlerContext) {
    if let client, !client.isWritable { heldRead = true } else { context.read() }
  }

  @inline(__always)
  func resumeReading() {
    if let stream { return stream.deliver() }
    guard heldRead else { return }
    heldRead = false
    context?.read()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    readCompleted()
    context.fireChannelReadComplete()
  }

  private func readCompleted() {
    guard needsFlush else { return }
    needsFlush = false
    client?.flush()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { client?.resumeReading() }
    context.fireChannelWritabilityChanged()
  }

  // MARK: - Use

  var isWritable: Bool {
    if let stream { return stream.takesMore }
    return isActive && (context?.channel.isWritable ?? false)
  }

  @inline(__always)
  func send(_ bytes: ByteBuffer) {
    if let stream { return stream.write(bytes) }
    context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
  }

  /// Back to the pool, ready for the next request.
  func goIdle() {
    client = nil
    // A stream has one request.
    guard instance.isListed, isActive, !instance.shared.instance.speaksHTTP2 else { return close() }
    phase = .idle
    idleSince = worker.coarseNow
    instance.giveBack(self)
    resumeReading()
  }

  /// The client has no more use for it, and what is still to come would be taken for another's answer.
  func abandon() {
    client = nil
    guard phase != .connecting else { return }
    close()
  }

  func close() {
    phase = .closed
    guard let stream else { return context?.close(promise: nil) ?? () }
    stream.close()
    // A stream that is closed says no more.
    if isActive { transportEnded() }
  }

  private func ended() {
    phase = .closed
    guard isCounted else { return }
    isCounted = false
    instance.connections -= 1
    worker.state.metrics.upstreamConnections.decrement()
  }
}

extension UpstreamConnection: HTTP2Asker {
  var takesAnswer: Bool { client?.isWritable ?? true }

  func receive(answer bytes: ByteBuffer) {
    receive(bytes)
    readCompleted()
  }

  func streamBecameWritable() { client?.resumeReading() }

  func streamEnded(_ end: HTTP2ServiceStream.End) {
    if let client, let failure = end.failure {
      self.client = nil
      transportEnded()
      client.upstreamFailed(failure)
    } else {
      transportEnded()
    }
  }
}

extension Error {
  /// Of a connection that was to be made: whether there was no answer in time.
  var isConnectTimeout: Bool {
    if case .connectTimeout? = self as? ChannelError { return true }
    // One for each address that a name has.
    return (self as? NIOConnectionError)?.connectionErrors.contains { $0.error.isConnectTimeout } ?? false
  }
}

extension HTTP2ServiceStream.End {
  /// What is more than a connection that ended.
  fileprivate var failure: ClientConnection.AttemptFailure? {
    switch self {
    case .whole, .broken: nil
    case .untaken: .unprocessed
    case .malformed: .malformed
    }
  }
}
