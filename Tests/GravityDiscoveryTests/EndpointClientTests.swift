import AsyncHTTPClient
import GravityContracts
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import GravityDiscovery

/// Calls over real sockets, some of whose servers are not there or hang up.
@Suite("Calls between services", .timeLimit(.minutes(1)))
struct EndpointClientTests {
  private static let read = Endpoint<Empty, Empty>("read", .get, "/read", access: .public, summary: "Reads")
  private static let change = Endpoint<Empty, Empty>("change", .post, "/change", access: .public, summary: "Changes")

  private static let http: HTTPClient = {
    var configuration = HTTPClient.Configuration(timeout: .init(connect: .seconds(2), read: .seconds(5)))
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
  }()

  private func client(_ ports: [Int]) -> (EndpointClient, InstanceSet) {
    let set = InstanceSet(
      service: "s", ports.map { ServiceInstance(id: "\($0)", service: "s", host: "127.0.0.1", port: $0) })
    return (EndpointClient(http: Self.http, instances: set), set)
  }

  @Test("an instance that is not there costs a call nothing but a step to the next", arguments: [read, change])
  func refused(_ endpoint: Endpoint<Empty, Empty>) async throws {
    let server = try await TinyServer()
    let gone = try await TinyServer.unusedPort()
    let (call, _) = client([gone, server.port])
    for _ in 0..<8 { _ = try await call(endpoint) }
    #expect(server.requests == 8)
    await server.close()
  }

  @Test("a read that was cut off is made again elsewhere, a change is not: it may have been done")
  func cut() async throws {
    let (cutting, server) = (try await TinyServer(hangsUp: true), try await TinyServer())
    let (call, _) = client([cutting.port, server.port])
    for _ in 0..<6 { _ = try await call(Self.read) }
    #expect(server.requests == 6 && cutting.requests >= 1)
    let (change, _) = client([cutting.port])
    let before = cutting.requests
    await #expect(throws: (any Error).self) { try await change(Self.change) }
    #expect(cutting.requests == before + 1)
    await server.close()
    await cutting.close()
  }

  @Test("one that just starts is waited for, no longer than the caller waits")
  func starting() async throws {
    let port = try await TinyServer.unusedPort()
    let (call, _) = client([port])
    await #expect(throws: (any Error).self) {
      try await call(Self.change, Empty(), timeout: .milliseconds(200))
    }
    async let answer = call(Self.change, Empty(), timeout: .seconds(20))
    // It listens a little later; how much makes no difference.
    let server = try await TinyServer(port: port)
    _ = try await answer
    #expect(server.requests == 1)
    await server.close()
  }

  @Test("a service of which the registry knows nothing is told so at once")
  func none() async throws {
    let (call, _) = client([])
    await #expect(throws: NoInstance.self) { try await call(Self.read) }
  }
}

/// Answers 204 to each request, or hangs up instead.
private final class TinyServer: Sendable {
  private let channel: any Channel
  private let counter = Counter()
  var requests: Int { counter.value }
  var port: Int { channel.localAddress?.port ?? 0 }

  init(port: Int = 0, hangsUp: Bool = false) async throws {
    let counter = counter
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Answering(counter: counter, hangsUp: hangsUp))
        }
      }.bind(host: "127.0.0.1", port: port).get()
  }

  func close() async { try? await channel.close() }

  /// A port on which nothing listens.
  static func unusedPort() async throws -> Int {
    let server = try await TinyServer()
    let port = server.port
    await server.close()
    return port
  }

  private final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func note() { count.withLock { $0 += 1 } }
  }

  private final class Answering: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let counter: Counter
    private let hangsUp: Bool
    private var text = ""

    init(counter: Counter, hangsUp: Bool) {
      self.counter = counter
      self.hangsUp = hangsUp
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      text += String(buffer: unwrapInboundIn(data))
      guard text.contains("\r\n\r\n") else { return }
      text = ""
      counter.note()
      guard !hangsUp else { return context.close(promise: nil) }
      context.writeAndFlush(
        NIOAny(ByteBuffer(string: "HTTP/1.1 204 No Content\r\n\r\n")), promise: nil)
    }
  }
}
