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
    let (cutting, server) = (try await TinyServer { _ in nil }, try await TinyServer())
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

  @Test("a token that was revoked meanwhile is exchanged once; what is refused for another reason stays so")
  func tokenRefused() async throws {
    let revoked = try await TinyServer { head in
      guard head.contains("Bearer old") else { return TinyServer.done }
      let body = #"{"type":"about:blank","title":"","status":401,"code":"token_revoked"}"#
      return "HTTP/1.1 401 Unauthorized\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
    }
    let set = InstanceSet(
      service: "s", [ServiceInstance(id: "1", service: "s", host: "127.0.0.1", port: revoked.port)])
    let token = Mutex("old")
    let call = EndpointClient(
      http: Self.http, instances: set, token: { token.withLock { $0 } },
      refused: { old in
        #expect(old == "old")
        token.withLock { $0 = "new" }
      })
    _ = try await call(Self.change)
    #expect(revoked.requests == 2)
    let stubborn = EndpointClient(http: Self.http, instances: set, token: { "old" }, refused: { _ in })
    await #expect(throws: Problem.self) { try await stubborn(Self.change) }
    #expect(revoked.requests == 4, "once")
    await revoked.close()

    let key = try await TinyServer { _ in
      let body = #"{"type":"about:blank","title":"","status":401,"code":"invalid_api_key"}"#
      return "HTTP/1.1 401 Unauthorized\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
    }
    let asking = EndpointClient(
      http: Self.http,
      instances: InstanceSet(
        service: "s", [ServiceInstance(id: "1", service: "s", host: "127.0.0.1", port: key.port)]),
      token: { "good" }, refused: { _ in Issue.record("the token is good") })
    await #expect(throws: Problem.self) { try await asking(Self.change) }
    #expect(key.requests == 1)
    await key.close()
  }

  @Test("a service of which the registry knows nothing is told so at once")
  func none() async throws {
    let (call, _) = client([])
    await #expect(throws: NoInstance.self) { try await call(Self.read) }
  }
}

/// Answers each request as it is told to, 204 by itself.
private final class TinyServer: Sendable {
  private let channel: any Channel
  private let counter = Counter()
  var requests: Int { counter.value }
  var port: Int { channel.localAddress?.port ?? 0 }

  static let done = "HTTP/1.1 204 No Content\r\n\r\n"

  /// - Parameter answer: What is sent for a head; nil to hang up.
  init(port: Int = 0, _ answer: @escaping @Sendable (String) -> String? = { _ in done }) async throws {
    let counter = counter
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Answering(counter: counter, answer: answer))
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
    private let answer: @Sendable (String) -> String?
    private var text = ""

    init(counter: Counter, answer: @escaping @Sendable (String) -> String?) {
      self.counter = counter
      self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      text += String(buffer: unwrapInboundIn(data))
      guard text.contains("\r\n\r\n") else { return }
      let answer = answer(text)
      text = ""
      counter.note()
      guard let answer else { return context.close(promise: nil) }
      context.writeAndFlush(NIOAny(ByteBuffer(string: answer)), promise: nil)
    }
  }
}
