import GravityDiscovery
import NIOCore
import NIOPosix

/// One event loop's connections of HTTP/2 to an instance. Requests share them, a stream for each.
final class HTTP2Upstream {
  private let worker: Worker
  private let shared: UpstreamInstance
  private var connections: [HTTP2UpstreamConnection] = []
  /// Streams that the service allows on a connection; until it has said so, what it allows at least if it follows the
  /// advice of RFC 9113 §6.5.2.
  fileprivate(set) var maximumStreams = 100
  private var isRetired = false

  init(_ worker: Worker, _ shared: UpstreamInstance) {
    self.worker = worker
    self.shared = shared
  }

  /// Connections that are opened when those that there are have as many streams as the service lets them have; beyond
  /// that requests wait for a stream.
  private static let maximumConnections = 8

  /// Opens a stream for `upstream`, which becomes active then, or is told that there is none.
  func open(_ upstream: UpstreamConnection) {
    if let free = connections.first(where: { $0.takesMore && $0.count < maximumStreams }) { return free.open(upstream) }
    let usable = connections.filter(\.takesMore)
    if usable.count >= Self.maximumConnections, let least = usable.min(by: { $0.count < $1.count }) {
      return least.open(upstream)
    }
    let connection = HTTP2UpstreamConnection(worker, of: self)
    connections.append(connection)
    connection.open(upstream)
    connection.connect(to: shared)
    if isRetired { connection.leave() }
  }

  fileprivate func forget(_ gone: HTTP2UpstreamConnection) { connections.removeAll { $0 === gone } }

  /// Closes connections without a stream since before `moment`.
  func closeIdle(before moment: Int64) { for connection in connections { connection.closeIfIdle(before: moment) } }

  /// The instance is known no more: connections close with their last stream.
  func retire() {
    isRetired = true
    for connection in connections { connection.leave() }
  }
}

/// A connection of HTTP/2 to a service.
final class HTTP2UpstreamConnection: HTTP2ServiceSession {
  private enum State {
    /// Who waits for it.
    case connecting([UpstreamConnection])
    case open
    case closed
  }

  private let worker: Worker
  private weak var upstream: HTTP2Upstream?
  private var state = State.connecting([])
  /// Streams that wait until the service allows another.
  private var waiting: CircularBuffer<HTTP2ServiceStream> = []
  private var idleSince: Int64 = 0
  /// It closes with its last stream, and takes no more: the service said so, or is no longer known.
  private var isLeaving = false
  /// No stream can be opened any more, not even for those that wait.
  private var isLeft = false
  private var isClosing = false
  private var maximumStreams: Int
  /// What a service that means well needs by far: those of gRPC send PING after PING while data flows.
  private var controlFrames = HTTP2Rate(2_048, per: 1_000_000_000)
  /// When the answer to our question whether it is there has been waited for long enough.
  private var question: Scheduled<Void>?

  init(_ worker: Worker, of upstream: HTTP2Upstream) {
    self.worker = worker
    self.upstream = upstream
    maximumStreams = upstream.maximumStreams
    super.init(worker.headLimits)
  }

  /// Streams that are open, wait or are about to be.
  var count: Int {
    guard case .connecting(let upstreams) = state else { return streams.count + waiting.count }
    return upstreams.count
  }

  var takesMore: Bool { if case .closed = state { false } else { !isLeaving } }

  // MARK: - Its beginning

  func connect(to shared: UpstreamInstance) {
    let bound = NIOLoopBound(self, eventLoop: worker.loop)
    let timeout = TimeAmount.nanoseconds(worker.state.configuration.timeouts.connect.nanoseconds)
    let bootstrap = ClientBootstrap(group: worker.loop).connectTimeout(timeout)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
      }
    let connecting =
      if let address = shared.address {
        bootstrap.connect(to: address)
      } else {
        bootstrap.connect(host: shared.instance.host, port: shared.instance.port)
      }
    connecting.assumeIsolated().whenFailure { self.end(isLate: $0.isConnectTimeout) }
  }

  override func channelActive(context: ChannelHandlerContext) {
    super.channelActive(context: context)
    guard case .connecting(let waiting) = state else { return }
    state = .open
    for upstream in waiting { make(upstream) }
    if waiting.isEmpty { idleSince = worker.coarseNow }
  }

  // MARK: - Streams

  func open(_ upstream: UpstreamConnection) {
    switch state {
    case .connecting(let waiting): state = .connecting(waiting + [upstream])
    case .open: make(upstream)
    case .closed: upstream.connectFailed(isLate: false)
    }
  }

  private func make(_ upstream: UpstreamConnection) {
    let stream = HTTP2ServiceStream(self, upstream)
    waiting.append(stream)
    // It has written its head before the stream is open: whoever has left meanwhile was never there.
    upstream.connected(stream)
    beginWaiting()
    // It was left before there was anybody to tell.
    if isLeft { leaveWaiting() }
  }

  /// Opens streams for those that wait, as many as the service allows.
  private func beginWaiting() {
    while !isLeft, streams.count < maximumStreams, let next = waiting.popFirst() {
      guard !open(next) else { continue }
      // All numbers are used up: who waits goes elsewhere.
      waiting.append(next)
      (isLeaving, isLeft) = (true, true)
      leaveWaiting()
    }
  }

  private func leaveWaiting() {
    let left = waiting
    waiting.removeAll()
    for stream in left { stream.leave() }
  }

  override func forgot(_ stream: HTTP2Stream) {
    if stream.id == 0 {
      waiting.removeAll { $0 === stream }
    } else if (stream as? HTTP2ServiceStream)?.wasHeard == false {
      ask()
    }
    idleSince = worker.coarseNow
    beginWaiting()
    closeIfDone()
  }

  private func closeIfDone() {
    guard isLeaving, count == 0, !isClosing, let context else { return }
    isClosing = true
    closeOnceWritten()
    // A service that does not read has as long for it as for connecting.
    let patience = TimeAmount.nanoseconds(worker.state.configuration.timeouts.connect.nanoseconds)
    context.eventLoop.assumeIsolated().scheduleTask(in: patience) { [weak self] in self?.context?.close(promise: nil) }
  }

  func closeIfIdle(before moment: Int64) {
    guard case .open = state, count == 0, !isLeaving, idleSince < moment else { return }
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
    sendNow {
      $0.writeFrameHeader(HTTP2Frame.Kind.ping, stream: 0, length: 8)
      $0.writeInteger(UInt64(0))
    }
  }

  override func note(_ frame: HTTP2Frame) throws(HTTP2Fault) {
    question?.cancel()
    question = nil
    switch frame.type {
    case HTTP2Frame.Kind.settings, HTTP2Frame.Kind.ping, HTTP2Frame.Kind.priority:
      guard controlFrames.allows(now: worker.coarseNow) else { throw HTTP2Fault(.enhanceYourCalm, "control frames") }
    default: break
    }
  }

  override func receive(settings: [(HTTP2Setting, Int)]) {
    for (setting, value) in settings where setting == .maximumConcurrentStreams {
      maximumStreams = value
      upstream?.maximumStreams = value
    }
    beginWaiting()
  }

  override func receiveGoAway(last: UInt32, _ code: UInt32) {
    (isLeaving, isLeft) = (true, true)
    // Those behind that one, and those that it has not heard of.
    for stream in streams.values where stream.id > last { (stream as? HTTP2ServiceStream)?.leave() }
    leaveWaiting()
    closeIfDone()
  }

  // MARK: - Its end

  override func gaveUp(_ fault: HTTP2Fault) { context?.close(promise: nil) }

  override func handlerRemoved(context: ChannelHandlerContext) {
    end()
    super.handlerRemoved(context: context)
  }

  override func channelInactive(context: ChannelHandlerContext) {
    end()
    super.channelInactive(context: context)
  }

  /// - Parameter isLate: Whether it was never there, and nobody said no.
  private func end(isLate: Bool = false) {
    question?.cancel()
    question = nil
    let before = state
    state = .closed
    (isLeaving, isLeft) = (true, true)
    upstream?.forget(self)
    leaveWaiting()
    guard case .connecting(let waiting) = before else { return }
    for upstream in waiting { upstream.connectFailed(isLate: isLate) }
  }
}
