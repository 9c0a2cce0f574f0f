public import GravityDiscovery
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An instance that lives: answers every request with 200, or with 503 while it is told to.
public final class ReadyServer: Sendable {
  public let instance: ServiceInstance
  private let channel: any Channel
  private let ready: Readiness

  private final class Readiness: Sendable {
    let isReady = Atomic(true)
    let requests = Atomic(0)
  }

  /// - Parameter adjust: Changes what it is registered as.
  public init(_ service: String, port: Int = 0, _ adjust: (inout ServiceInstance) -> Void = { _ in }) async throws {
    let ready = Readiness()
    self.ready = ready
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(ready: ready))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
    let port = channel.localAddress?.port ?? 0
    var instance = ServiceInstance(id: "\(service)-127.0.0.1-\(port)", service: service, host: "127.0.0.1", port: port)
    adjust(&instance)
    self.instance = instance
  }

  /// What it says of itself.
  public func set(ready isReady: Bool) { ready.isReady.store(isReady, ordering: .relaxed) }

  /// How often it was asked.
  public var requests: Int { ready.requests.load(ordering: .relaxed) }

  public func close() async { try? await channel.close() }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let ready: Readiness
    init(ready: Readiness) { self.ready = ready }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard case .end = unwrapInboundIn(data) else { return }
      ready.requests.wrappingAdd(1, ordering: .relaxed)
      let status: HTTPResponseStatus = ready.isReady.load(ordering: .relaxed) ? .ok : .serviceUnavailable
      context.write(
        wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: ["content-length": "0"]))),
        promise: nil)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
  }
}
