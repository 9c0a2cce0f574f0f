import NIOCore
import NIOPosix
import Synchronization

/// Stands between a client and a server. Closed, it swallows whatever comes and says nothing, to old connections and to
/// new ones; slow, it passes everything on later.
final class TCPGate: Sendable {
  private struct State {
    var isClosed = false
    var delay: TimeAmount = .zero
    var channels: [ObjectIdentifier: any Channel] = [:]
  }
  private let state = Mutex(State())
  private let listener: Mutex<(any Channel)?> = Mutex(nil)
  private(set) nonisolated(unsafe) var port = 0

  /// - Parameter server: On 127.0.0.1.
  init(to server: Int) async throws {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { [self] client in
        let relay = Relay(gate: self)
        return client.pipeline.addHandler(relay).flatMap { [self] in
          ClientBootstrap(group: client.eventLoop)
            .channelInitializer { upstream in upstream.pipeline.addHandler(Relay(gate: self, peer: client)) }
            .connect(host: "127.0.0.1", port: server)
        }.map { upstream in relay.connect(upstream) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
    listener.withLock { $0 = channel }
  }

  /// What is on its way when it closes is lost, as are the connections: opened again, only new ones work.
  func close() { state.withLock { $0.isClosed = true } }
  func open() {
    let dead = state.withLock { state in
      state.isClosed = false
      defer { state.channels = [:] }
      return Array(state.channels.values)
    }
    // They stay silent for ever: nobody is told.
    for channel in dead { channel.setOption(.autoRead, value: false).whenComplete { _ in } }
  }
  func slow(by delay: TimeAmount) { state.withLock { $0.delay = delay } }

  func end() async {
    try? await listener.withLock { $0 }?.close()
    for channel in state.withLock({ Array($0.channels.values) }) { try? await channel.close() }
  }

  /// nil where it is swallowed.
  fileprivate func passage(of channel: any Channel) -> TimeAmount? {
    state.withLock { state in
      guard state.isClosed else { return state.delay }
      state.channels[ObjectIdentifier(channel)] = channel
      return nil
    }
  }
  fileprivate func isDead(_ channel: any Channel) -> Bool {
    state.withLock { $0.channels[ObjectIdentifier(channel)] != nil }
  }

  private final class Relay: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    private let gate: TCPGate
    private var peer: (any Channel)?
    private var early: [ByteBuffer] = []

    init(gate: TCPGate, peer: (any Channel)? = nil) {
      self.gate = gate
      self.peer = peer
    }

    /// On the event loop, which both have in common.
    func connect(_ upstream: any Channel) {
      peer = upstream
      for bytes in early { upstream.writeAndFlush(bytes, promise: nil) }
      early = []
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = unwrapInboundIn(data)
      guard let delay = gate.passage(of: context.channel) else { return }
      guard let peer else { return early.append(bytes) }
      if delay == .zero { return peer.writeAndFlush(bytes, promise: nil) }
      _ = context.eventLoop.scheduleTask(in: delay) { peer.writeAndFlush(bytes, promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
      guard gate.passage(of: context.channel) != nil else { return }
      peer?.close(promise: nil)
    }
  }
}
