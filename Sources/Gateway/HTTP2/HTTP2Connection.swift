import CoreMetrics
import Logging
import NIOCore

/// A client's HTTP/2 connection. Each of its streams is an exchange with a ``ClientConnection`` of its own; what
/// concerns all of them is here: how many there are, what is too much, how long nothing may happen, the end.
final class HTTP2Connection: HTTP2Session {
  let worker: Worker
  let address: ClientAddress
  /// `1.3`; nil without TLS.
  let tlsVersion: String?
  /// Where the worker keeps it.
  var place = -1
  private(set) var deadline = Int64.max
  private let configuration: HTTP2Configuration
  /// The highest stream that the client has opened.
  private var lastOpened: UInt32 = 0
  /// Streams that ended before the client's message did: of those frames are on their way that are no mistake.
  private var recentlyReset: RecentStreams
  private var bounds: Bounds
  private enum Departure: Equatable {
    case none
    /// The client knows that this connection ends, and what it has sent before it knew is still taken.
    case announced(since: Int64)
    /// Nothing more is taken.
    case last
  }
  private var departure = Departure.none
  /// The client has said that it goes, with the last stream that there is.
  private var isClientLeaving = false

  /// What bounds a client that floods.
  private struct Bounds {
    var resets: HTTP2Rate
    var streamErrors: HTTP2Rate
    var controlFrames: HTTP2Rate
    var frames: HTTP2FrameBudget
    /// DATA frames of nothing, one after the other.
    var emptyData = 0

    init(_ configuration: HTTP2Configuration, now: Int64) {
      let window = configuration.window.nanoseconds
      resets = HTTP2Rate(configuration.resets, per: window)
      streamErrors = HTTP2Rate(configuration.streamErrors, per: window)
      controlFrames = HTTP2Rate(configuration.controlFrames, per: window)
      frames = HTTP2FrameBudget(
        capacity: configuration.smallFrames, perSecond: configuration.smallFramesPerSecond, now: now)
    }
  }

  init(worker: Worker, address: ClientAddress, tlsVersion: String?) {
    self.worker = worker
    self.address = address
    self.tlsVersion = tlsVersion
    configuration = worker.state.configuration.http2
    bounds = Bounds(configuration, now: worker.coarseNow)
    recentlyReset = RecentStreams(capacity: 2 * configuration.concurrentStreams)
    super.init(worker.headLimits, streamWindow: configuration.streamWindowBytes)
  }

  // MARK: - Channel

  override func handlerAdded(context: ChannelHandlerContext) {
    super.handlerAdded(context: context)
    worker.add(self)
    // Who chooses HTTP/2 and asks nothing has as long as for a head.
    deadline = worker.readClock() + worker.timeouts.head
    begin(
      [
        (.maximumConcurrentStreams, configuration.concurrentStreams),
        // Between what is taken and twice of it a request is refused with 431, beyond it the connection ends.
        (.maximumHeaderListSize, maximumListBytes),
      ], connectionWindow: configuration.connectionWindowBytes)
  }

  override func handlerRemoved(context: ChannelHandlerContext) {
    gone()
    super.handlerRemoved(context: context)
  }

  override func channelInactive(context: ChannelHandlerContext) {
    gone()
    super.channelInactive(context: context)
  }

  private func gone() {
    deadline = .max
    worker.remove(self)
  }

  // MARK: - What is too much

  override func readPreface(_ bytes: inout ByteBuffer) throws(HTTP2Fault) -> Bool {
    let preface = HTTP2Frame.preface
    guard bytes.readableBytesView.starts(with: preface.prefix(bytes.readableBytes)) else {
      throw HTTP2Fault(.protocolError, "no preface")
    }
    guard bytes.readableBytes >= preface.count else { return false }
    bytes.moveReaderIndex(forwardBy: preface.count)
    return true
  }

  override func note(_ frame: HTTP2Frame) throws(HTTP2Fault) {
    let now = worker.coarseNow
    guard bounds.frames.receive(frame, now: now) else {
      throw HTTP2Fault(.enhanceYourCalm, "frames that move nothing")
    }
    switch frame.type {
    case HTTP2Frame.Kind.settings, HTTP2Frame.Kind.ping, HTTP2Frame.Kind.priority:
      guard bounds.controlFrames.allows(now: worker.readClock()) else {
        throw HTTP2Fault(.enhanceYourCalm, "control frames")
      }
    case HTTP2Frame.Kind.reset:
      guard bounds.resets.allows(now: worker.readClock()) else {
        throw HTTP2Fault(.enhanceYourCalm, "requests that are taken back")
      }
    case HTTP2Frame.Kind.data:
      bounds.emptyData = frame.payload.readableBytes == 0 && !frame.endsStream ? bounds.emptyData + 1 : 0
      guard bounds.emptyData <= 8 else { throw HTTP2Fault(.enhanceYourCalm, "DATA of nothing") }
    default: break
    }
  }

  override func noteStreamError() throws(HTTP2Fault) {
    guard bounds.streamErrors.allows(now: worker.readClock()) else {
      throw HTTP2Fault(.enhanceYourCalm, "mistakes that end streams")
    }
  }

  override var maximumContinuations: Int { configuration.continuations }
  override var maximumUnreadBytes: Int { configuration.unreadBytes }

  override func moved(_ count: Int) { bounds.frames.moved(count) }

  // MARK: - Streams

  override var lastStream: UInt32 { lastOpened }

  /// What a client opened before it heard that nothing more is taken is not known here.
  override func isIdle(_ stream: UInt32) -> Bool {
    stream > lastOpened && departure != .last || stream.isMultiple(of: 2)
  }

  override func mayLinger(_ stream: UInt32) -> Bool { departure == .last || recentlyReset.contains(stream) }

  /// Whether no stream may be added.
  private var isFull: Bool { worker.isFull || streams.count >= configuration.concurrentStreams }

  override func receive(_ block: Block) throws(HTTP2Fault) {
    if let exchange = streams[block.stream] as? HTTP2Exchange { return try exchange.receiveTrailers(block) }
    guard !block.stream.isMultiple(of: 2) else { throw HTTP2Fault(.protocolError, "a stream that is not the client's") }
    guard block.stream > lastOpened else {
      try receiveForNobody(block.stream)
      return try decode(block) { _, _ in }
    }
    // What it asks after it has heard that nothing more is taken.
    guard departure != .last else { return try decode(block) { _, _ in } }
    lastOpened = block.stream
    guard !isFull else {
      try decode(block) { _, _ in }
      recentlyReset.insert(block.stream)
      // Not taken at all, so the client may ask again elsewhere (RFC 9113 §8.7).
      sendNow { $0.writeReset(block.stream, .refusedStream) }
      // One that does not keep to the bound is making a mistake, unless it is the gateway that is full.
      return streams.count < configuration.concurrentStreams ? () : try noteStreamError()
    }
    let exchange = HTTP2Exchange(self)
    exchange.isKnown = true
    open(exchange, block.stream)
    deadline = .max
    worker.state.metrics.openStreams.increment()
    try exchange.receiveHead(block)
  }

  override func forgot(_ stream: HTTP2Stream) {
    if !stream.peerEnded { recentlyReset.insert(stream.id) }
    worker.state.metrics.openStreams.decrement()
    guard streams.isEmpty, !isEnding else { return }
    deadline = worker.coarseNow + worker.timeouts.keepAlive
    closeIfDone()
  }

  // MARK: - Ends

  override func gaveUp(_ fault: HTTP2Fault) {
    worker.state.metrics.http2Errors.increment()
    worker.state.logger.debug(
      "HTTP/2 connection given up", metadata: ["client.address": "\(address.name)", "error.message": "\(fault.what)"])
    deadline = worker.readClock() + 500_000_000
  }

  override func receiveGoAway(last: UInt32, _ code: UInt32) {
    isClientLeaving = true
    closeIfDone()
  }

  func timedOut() {
    deadline = .max
    if isEnding || departure == .last { return abort() }
    leave()
    closeIfDone()
  }

  /// While draining: says that the connection ends, and after `quiet` nanoseconds that no more is taken: until a client
  /// has heard it, requests are on their way that it has a right to (RFC 9113 §6.8).
  func drain(quiet: Int64) {
    switch departure {
    case .none: announceEnd()
    case .announced(let since) where worker.coarseNow - since >= quiet:
      leave()
      closeIfDone()
    case .announced, .last: break
    }
  }

  /// Asks the client for another connection from now on; what it asks on this one is answered.
  func announceEnd() {
    guard departure == .none else { return }
    departure = .announced(since: worker.readClock())
    sendNow { $0.writeGoAway(lastStream: 0x7FFF_FFFF, .noError) }
  }

  private func leave() {
    guard departure != .last else { return }
    departure = .last
    sendNow { $0.writeGoAway(lastStream: lastOpened, .noError) }
  }

  private func closeIfDone() {
    guard departure == .last || isClientLeaving, streams.isEmpty, !isEnding else { return }
    // A client that does not read what was written has as long as for a head.
    deadline = worker.coarseNow + worker.timeouts.head
    closeOnceWritten()
  }

  /// Ends at once.
  func abort() { context?.channel.closeWithoutTLS() }
}

/// The last streams that ended early, as many as a client can have frames of under way.
private struct RecentStreams {
  private var ids: [UInt32] = []
  private var next = 0
  private let capacity: Int

  init(capacity: Int) { self.capacity = capacity }

  mutating func insert(_ id: UInt32) {
    guard ids.count == capacity else { return ids.append(id) }
    guard capacity > 0 else { return }
    ids[next] = id
    next = (next + 1) % capacity
  }

  func contains(_ id: UInt32) -> Bool { ids.contains(id) }
}
