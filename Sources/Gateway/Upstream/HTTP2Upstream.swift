import GravityDiscovery
import NIOCore
import NIOHTTP2
import NIOPosix

/// One event loop's connections of HTTP/2 to an instance. Requests share them, a stream for each.
final class HTTP2Upstream {
  private let worker: Worker
  private let shared: UpstreamInstance
  private var connections: [HTTP2UpstreamConnection] = []
  /// Streams that the service allows on a connection; until it has said so, what it allows at least if it follows the
  /// advice of RFC 9113 §6.5.2.
  fileprivate(set) var maximumStreams = 100

  init(_ worker: Worker, _ shared: UpstreamInstance) {
    self.worker = worker
    self.shared = shared
  }

  /// Connections that are opened when those that there are have as many streams as the service lets them have; beyond
  /// that requests wait for a stream.
  private static let maximumConnections = 8

  /// Opens a stream for `upstream`, which becomes active then, or is told that there is none.
  func open(_ upstream: UpstreamConnection) {
    let usable = connections.filter(\.takesMore)
    if let free = usable.first(where: { $0.streams < maximumStreams }) { return free.open(upstream) }
    if usable.count >= Self.maximumConnections, let least = usable.min(by: { $0.streams < $1.streams }) {
      return least.open(upstream, waits: true)
    }
    let connection = HTTP2UpstreamConnection(worker, of: self)
    connections.append(connection)
    connection.open(upstream)
    connection.connect(to: shared)
  }

  fileprivate func forget(_ gone: HTTP2UpstreamConnection) { connections.removeAll { $0 === gone } }

  /// Closes connections without a stream since before `moment`.
  func closeIdle(before moment: Int64) { for connection in connections { connection.closeIfIdle(before: moment) } }

  /// The instance is known no more: connections close with their last stream.
  func retire() { for connection in connections { connection.leave() } }
}

/// A connection of HTTP/2 to a service.
final class HTTP2UpstreamConnection: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  private enum State {
    /// Who waits for it, and whether for a stream as well.
    case connecting([(UpstreamConnection, waits: Bool)])
    case open(NIOHTTP2Handler.StreamMultiplexer)
    case closed
  }

  private let worker: Worker
  private weak var upstream: HTTP2Upstream?
  private var state = State.connecting([])
  private var context: ChannelHandlerContext?
  private let farewell = HTTP2Farewell()
  /// Streams that are open or about to be.
  private(set) var streams = 0
  /// Those of which the service has heard nothing yet: a moment, or as long as it has as many others as it allows.
  private var unheard: [HTTP2UpstreamStream] = []
  private var idleSince: Int64 = 0
  /// It closes with its last stream, and takes no more: the service said so, or is no longer known.
  private var isLeaving = false
  /// The last stream of which the service said that it has done or will do something with it.
  private var lastTaken = HTTP2StreamID.maxID
  /// When the answer to our question whether it is there has been waited for long enough.
  private var question: Scheduled<Void>?

  init(_ worker: Worker, of upstream: HTTP2Upstream) {
    self.worker = worker
    self.upstream = upstream
  }

  var takesMore: Bool { if case .closed = state { false } else { !isLeaving } }

  // MARK: - Its beginning

  func connect(to shared: UpstreamInstance) {
    let bound = NIOLoopBound(self, eventLoop: worker.loop)
    let timeout = TimeAmount.nanoseconds(worker.state.configuration.timeouts.connect.nanoseconds)
    let bootstrap = ClientBootstrap(group: worker.loop).connectTimeout(timeout)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers([
            HTTP2Gatherer(), bound.value.farewell, NIOHTTP2Handler.toService(on: channel.eventLoop), bound.value,
          ])
        }
      }
    let connecting =
      if let address = shared.address {
        bootstrap.connect(to: address)
      } else {
        bootstrap.connect(host: shared.instance.host, port: shared.instance.port)
      }
    connecting.assumeIsolated().whenFailure { _ in self.end() }
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    context.fireChannelActive()
    guard case .connecting(let waiting) = state else { return }
    guard
      let multiplexer = try? context.pipeline.syncOperations.handler(type: NIOHTTP2Handler.self).syncMultiplexer()
    else { return context.close(promise: nil) }
    state = .open(multiplexer)
    for (upstream, waits) in waiting { make(upstream, multiplexer, waits: waits) }
    if waiting.isEmpty { idleSince = worker.coarseNow }
  }

  // MARK: - Streams

  /// - Parameter waits: Whether the service has as many streams as it allows.
  func open(_ upstream: UpstreamConnection, waits: Bool = false) {
    streams += 1
    switch state {
    case .connecting(let waiting): state = .connecting(waiting + [(upstream, waits)])
    case .open(let multiplexer): make(upstream, multiplexer, waits: waits)
    case .closed:
      streams -= 1
      upstream.connectFailed()
    }
  }

  private func make(
    _ upstream: UpstreamConnection, _ multiplexer: NIOHTTP2Handler.StreamMultiplexer, waits: Bool
  ) {
    let loop = worker.loop
    let stream = HTTP2UpstreamStream(worker.headLimits) { [weak self] in self?.closed($0) }
    stream.connection = self
    stream.waits = waits
    unheard.append(stream)
    let handlers = NIOLoopBound([stream, upstream] as [any ChannelHandler], eventLoop: loop)
    let made = loop.makePromise(of: (any Channel).self)
    made.futureResult.assumeIsolated().whenFailure { _ in
      stream.ended()
      upstream.connectFailed()
    }
    multiplexer.createStreamChannel(promise: made) { channel in
      channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandlers(handlers.value) }
    }
  }

  /// The head of a stream's request is out.
  func heard(_ stream: HTTP2UpstreamStream) { unheard.removeAll { $0 === stream } }

  /// Whether the service may have done something with the stream.
  func takes(_ stream: HTTP2StreamID) -> Bool { stream <= lastTaken }

  private func closed(_ stream: HTTP2UpstreamStream) {
    streams -= 1
    idleSince = worker.coarseNow
    if !unheard.isEmpty { heard(stream) }
    if !stream.wasHeard { ask() }
    closeIfDone()
  }

  private func closeIfDone() {
    guard isLeaving, streams == 0 else { return }
    context?.close(promise: nil)
  }

  func closeIfIdle(before moment: Int64) {
    guard case .open = state, streams == 0, idleSince < moment else { return }
    leave()
  }

  /// Takes no more, and closes once nothing is under way.
  func leave() {
    isLeaving = true
    closeIfDone()
  }

  // MARK: - Whether it is still there

  /// A stream ended without a word. If the network swallows everything, so would the next ones; who is there answers a
  /// PING (RFC 9113 §6.7).
  private func ask() {
    guard question == nil, case .open = state, let context else { return }
    let patience = TimeAmount.nanoseconds(worker.state.configuration.timeouts.connect.nanoseconds)
    question = context.eventLoop.assumeIsolated().scheduleTask(in: patience) { [weak self] in
      guard let self else { return }
      question = nil
      isLeaving = true
      self.context?.close(promise: nil)
    }
    let ping = HTTP2Frame(streamID: .rootStream, payload: .ping(HTTP2PingData(withInteger: 0), ack: false))
    context.writeAndFlush(wrapOutboundOut(ping), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    question?.cancel()
    question = nil
    switch unwrapInboundIn(data).payload {
    case .settings(.settings(let settings)):
      if let told = settings.last(where: { $0.parameter == .maxConcurrentStreams }) {
        upstream?.maximumStreams = told.value
      }
    case .goAway(let last, _, _):
      lastTaken = min(lastTaken, last)
      leave()
      // HTTP/2's machinery ends those behind that one in a moment, but does not think of those that it knows nothing of.
      let waiting = unheard
      unheard.removeAll()
      for stream in waiting { stream.leave() }
    default: break
    }
  }

  // MARK: - Its end

  func channelInactive(context: ChannelHandlerContext) {
    end()
    context.fireChannelInactive()
  }

  /// Errors of one stream come by here too, and are of the same types as those of the connection; they are told to it.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if !farewell.wasSaid, error is any NIOHTTP2Error { return }
    context.close(promise: nil)
  }

  private func end() {
    question?.cancel()
    question = nil
    let before = state
    state = .closed
    upstream?.forget(self)
    guard case .connecting(let waiting) = before else { return }
    streams = 0
    for (upstream, _) in waiting { upstream.connectFailed() }
  }
}

extension NIOHTTP2Handler {
  /// Bytes of an answer that are taken and not passed on yet, at most.
  private static var streamWindow: Int { 262_144 }

  /// The client's side of a connection to a service.
  static func toService(on loop: any EventLoop) -> NIOHTTP2Handler {
    var connection = ConnectionConfiguration()
    connection.initialSettings = [
      HTTP2Setting(parameter: .enablePush, value: 0),
      HTTP2Setting(parameter: .initialWindowSize, value: streamWindow),
      HTTP2Setting(parameter: .maxHeaderListSize, value: 65_536),
    ]
    // Streams hold themselves back, so that one whose client reads slowly does not hold the others up.
    connection.targetWindowSize = 16 * streamWindow
    // What the machinery bounds against clients that attack a server would end a connection that others use, too: servers
    // of gRPC send PING after PING while data flows, and one that fails ends stream after stream.
    connection.controlFrameRateLimit.maximumCount = 2_048
    connection.controlFrameRateLimit.windowLength = .seconds(1)
    connection.maximumSequentialEmptyDataFrames = .max
    connection.maximumConnectionGlitches = .max
    // A service goes on with a stream until it has heard that it was reset. Beyond these its frames are an error of the
    // connection.
    connection.maximumRecentlyResetStreams = 2_048
    var stream = StreamConfiguration()
    stream.streamResetFrameRateLimit.maximumCount = 10_000
    stream.streamResetFrameRateLimit.windowLength = .seconds(1)
    stream.streamErrorRateLimit.maximumCount = 10_000
    stream.streamErrorRateLimit.windowLength = .seconds(1)
    stream.targetWindowSize = streamWindow
    stream.outboundBufferSizeHighWatermark = 65_536
    stream.outboundBufferSizeLowWatermark = 32_768
    return NIOHTTP2Handler(
      mode: .client, eventLoop: loop, connectionConfiguration: connection, streamConfiguration: stream
    ) { pushed in
      // Asked for by nobody: SETTINGS said so.
      pushed.close()
    }
  }
}
