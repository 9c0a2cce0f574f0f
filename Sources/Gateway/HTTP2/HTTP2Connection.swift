import CoreMetrics
import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2

/// A client's HTTP/2 connection. Each of its streams is an exchange with a ``ClientConnection`` of its own; what
/// concerns all of them is here: how many there are, how long nothing may happen, the end.
final class HTTP2Connection: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  let worker: Worker
  let address: ClientAddress
  /// `1.3`; nil without TLS.
  let tlsVersion: String?
  /// Where the worker keeps it.
  var place = -1
  private(set) var deadline = Int64.max
  private let guardian: HTTP2Guard
  private var context: ChannelHandlerContext?
  /// Requests that have come with what is being read, and go on once it is read: what a client asks and takes back in one
  /// breath reaches no service.
  private var arriving: [HTTP2Exchange] = []
  private var open = 0
  private var isEnding = false
  private enum Departure: Equatable {
    case none
    /// The client knows that this connection ends, and what it has sent before it knew is still taken.
    case announced(since: Int64)
    /// Nothing more is taken.
    case last
  }
  private var departure = Departure.none

  init(worker: Worker, address: ClientAddress, tlsVersion: String?, guardian: HTTP2Guard) {
    self.worker = worker
    self.address = address
    self.tlsVersion = tlsVersion
    self.guardian = guardian
  }

  // MARK: - Channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    guardian.onFlood = { [weak self] in self?.end("flood") }
    worker.add(self)
    // Who chooses HTTP/2 and asks nothing has as long as for a head.
    deadline = worker.readClock() + worker.timeouts.head
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    worker.remove(self)
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline = .max
    arriving.removeAll()
    worker.remove(self)
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Frames of the connection itself are answered already.
    guard case .goAway = unwrapInboundIn(data).payload, departure == .none else { return }
    departure = .last
    closeIfDone()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if !arriving.isEmpty {
      let exchanges = arriving
      arriving.removeAll(keepingCapacity: true)
      for exchange in exchanges { exchange.start() }
    }
    context.fireChannelReadComplete()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Errors of one stream come by here too; RST_STREAM has told the client of those.
    if guardian.hasGivenUp { return end("\(error)") }
    if !(error is any NIOHTTP2Error) && !(error is NIOHTTP2Errors.StreamError) { context.close(promise: nil) }
  }

  // MARK: - Streams

  /// Whether no stream may be added. HTTP/2's machinery counts, too, but not before the client has confirmed the bound.
  var isFull: Bool { worker.isFull || open >= worker.state.configuration.http2.concurrentStreams }

  func opened(_ exchange: HTTP2Exchange) {
    open += 1
    deadline = .max
    worker.state.metrics.openStreams.increment()
    arriving.append(exchange)
  }

  func closed(_ exchange: HTTP2Exchange) {
    open -= 1
    worker.state.metrics.openStreams.decrement()
    arriving.removeAll { $0 === exchange }
    guard open == 0, !isEnding else { return }
    deadline = worker.coarseNow + worker.timeouts.keepAlive
    closeIfDone()
  }

  // MARK: - Ends

  /// The client has broken the rules or floods: it was told so, and is not listened to any more. The connection ends a
  /// moment later, so that what it was told gets through.
  private func end(_ reason: String) {
    guard !isEnding, let context else { return }
    isEnding = true
    worker.state.metrics.http2Errors.increment()
    worker.state.logger.debug(
      "HTTP/2 connection given up", metadata: ["client.address": "\(address.name)", "error.message": "\(reason)"])
    try? context.channel.syncOptions?.setOption(.autoRead, value: false)
    context.close(mode: .output, promise: nil)
    deadline = worker.readClock() + 500_000_000
  }

  func timedOut() {
    deadline = .max
    if isEnding || departure == .last { return abort() }
    leave()
    closeIfDone()
  }

  /// While draining: says that the connection ends, and after `quiet` nanoseconds that no more is taken.
  func drain(quiet: Int64) {
    switch departure {
    case .none:
      departure = .announced(since: worker.readClock())
      guardian.sayGoAway(.noError, lastStreamID: 0x7FFF_FFFF)
    case .announced(let since) where worker.coarseNow - since >= quiet:
      leave()
      closeIfDone()
    case .announced, .last: break
    }
  }

  private func leave() {
    guard departure != .last, let context else { return }
    departure = .last
    let last = HTTP2StreamID(Int(guardian.lastStreamID))
    context.writeAndFlush(
      wrapOutboundOut(
        HTTP2Frame(streamID: .rootStream, payload: .goAway(lastStreamID: last, errorCode: .noError, opaqueData: nil))),
      promise: nil)
  }

  private func closeIfDone() {
    guard departure == .last, open == 0, !isEnding else { return }
    // A client that does not read what was written has as long as for a head.
    deadline = worker.coarseNow + worker.timeouts.head
    guardian.closeOnceWritten()
  }

  /// Ends at once.
  func abort() {
    guard let context else { return }
    context.channel.closeWithoutTLS()
  }
}

extension HTTP2Connection {
  /// How HTTP/2's machinery is told.
  static func handler(for connection: HTTP2Connection, on channel: any Channel) -> NIOHTTP2Handler {
    let (settings, limits) = (
      connection.worker.state.configuration.http2, connection.worker.state.configuration.limits
    )
    let window = TimeAmount.nanoseconds(settings.window.nanoseconds)
    var configuration = NIOHTTP2Handler.ConnectionConfiguration()
    configuration.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: settings.concurrentStreams),
      HTTP2Setting(parameter: .initialWindowSize, value: settings.streamWindowBytes),
      // Twice of what is taken: between the two a request is refused with 431, beyond it the connection ends.
      HTTP2Setting(parameter: .maxHeaderListSize, value: 2 * limits.maximumHeadBytes),
    ]
    configuration.targetWindowSize = settings.connectionWindowBytes
    configuration.maximumSequentialContinuationFrames = settings.continuations
    configuration.maximumBufferedControlFrames = 1_024
    configuration.maximumSequentialEmptyDataFrames = 8
    // Counted over a connection's whole life, which may be long; `streamErrorRateLimit` has a window.
    configuration.maximumConnectionGlitches = .max
    // A client goes on with a body until it has heard that nobody wants it. Until it has, the stream is one of those that
    // it has open; of what it opens beyond the bound before it knows that, as many again are remembered.
    configuration.maximumRecentlyResetStreams = 2 * settings.concurrentStreams
    configuration.controlFrameRateLimit.maximumCount = settings.controlFrames
    configuration.controlFrameRateLimit.windowLength = window
    var streams = NIOHTTP2Handler.StreamConfiguration()
    streams.targetWindowSize = settings.streamWindowBytes
    streams.outboundBufferSizeHighWatermark = 65_536
    streams.outboundBufferSizeLowWatermark = 32_768
    streams.streamResetFrameRateLimit.maximumCount = settings.resets
    streams.streamResetFrameRateLimit.windowLength = window
    streams.streamErrorRateLimit.maximumCount = settings.streamErrors
    streams.streamErrorRateLimit.windowLength = window
    let bound = NIOLoopBound(connection, eventLoop: channel.eventLoop)
    return NIOHTTP2Handler(
      mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: configuration,
      streamConfiguration: streams
    ) { stream in
      stream.eventLoop.makeCompletedFuture {
        let exchange = HTTP2Exchange(bound.value)
        try stream.pipeline.syncOperations.addHandlers([exchange, exchange.makeClient()])
      }
    }
  }
}
