import Foundation
import GravityContracts
import GravityHTTP
import GravityTelemetry
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Clients that do not read what they asked for.
@Suite(.timeLimit(.minutes(2))) struct SlowReaderTests {
  private static let archive = Endpoint<Empty, Content>(
    "archive", .get, "/api/v1/archive", access: .public, produces: "application/zip")
  private static let news = Endpoint<Empty, EventStream>("news", .get, "/api/v1/news", access: .public)
  /// More than the system keeps for a client that does not read.
  private static let pieces = 256
  private static let piece = Data(repeating: 7, count: 256 << 10)

  /// How writing to a client ended.
  private final class Ending: Sendable {
    private let ended = AsyncStream.makeStream(of: (pieces: Int, isWhole: Bool).self)
    func tell(_ pieces: Int, isWhole: Bool) { ended.continuation.yield((pieces, isWhole)) }
    func wait() async -> (pieces: Int, isWhole: Bool)? {
      for await end in ended.stream { return end }
      return nil
    }
  }

  private static func serve(
    patience: Duration, _ body: @escaping @Sendable (any TestClientProtocol, Ending) async throws -> Void
  ) async throws {
    let ending = Ending()
    var settings = Routes.Settings(verifier: nil)
    settings.patience = patience
    settings.heartbeat = .seconds(60)
    var routes = Routes(settings)
    routes.download(archive) { _, _ in
      ContentStream(size: pieces * piece.count, fileName: "archive.zip") { write in
        var written = 0
        do {
          while written < pieces {
            try await write(piece)
            written += 1
          }
        } catch {
          ending.tell(written, isWhole: false)
          throw error
        }
        ending.tell(written, isWhole: true)
      }
    }
    routes.stream(news) { _, _ in
      let (events, feed) = AsyncStream.makeStream(of: ServerSentEvent.self)
      feed.onTermination = { _ in ending.tell(0, isWhole: false) }
      let text = String(repeating: "x", count: 256 << 10)
      for number in 0..<pieces { feed.yield(ServerSentEvent("news", id: "\(number)", data: text)) }
      return events
    }
    let logger = Logger(label: "http") { _ in SwiftLogNoOpLogHandler() }
    let responder = try routes.build(
      declared: [archive, news], telemetry: HTTPTelemetry(logger: logger, metrics: PrometheusMetrics()))
    try await Application(responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: 0))).test(
      .live
    ) { client in try await body(client, ending) }
  }

  /// Counts what comes.
  private final class Counter: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = unwrapInboundIn(data).readableBytes
      count.withLock { $0 += bytes }
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }

  /// Asks and reads nothing.
  private static func ask(_ path: String, _ port: Int?, _ counter: Counter) async throws -> any Channel {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.autoRead, value: false)
      .channelInitializer { $0.pipeline.addHandler(counter) }.connect(host: "127.0.0.1", port: try #require(port)).get()
    try await channel.writeAndFlush(ByteBuffer(string: "GET \(path) HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
    return channel
  }

  @Test("a download to a client that stops reading ends, with its connection")
  func stalled() async throws {
    try await Self.serve(patience: .milliseconds(300)) { client, ending in
      let counter = Counter()
      let channel = try await Self.ask(Self.archive.path, client.port, counter)
      let end = try #require(await ending.wait())
      #expect(!end.isWhole && end.pieces < Self.pieces)
      // It reads on, and finds an end before all was there.
      try await channel.setOption(.autoRead, value: true).get()
      try await channel.closeFuture.get()
      #expect(counter.value < Self.pieces * Self.piece.count)
    }
  }

  @Test("a stream of events to a client that stops reading ends, too")
  func stalledStream() async throws {
    try await Self.serve(patience: .milliseconds(300)) { client, ending in
      let channel = try await Self.ask(Self.news.path, client.port, Counter())
      _ = try #require(await ending.wait())
      try await channel.setOption(.autoRead, value: true).get()
      try await channel.closeFuture.get()
    }
  }

  @Test("a client that reads gets everything, however much that is at once")
  func whole() async throws {
    try await Self.serve(patience: .seconds(20)) { client, ending in
      let counter = Counter()
      let channel = try await Self.ask(Self.archive.path, client.port, counter)
      try await channel.setOption(.autoRead, value: true).get()
      #expect(await ending.wait()?.isWhole == true)
      try await channel.closeFuture.get()
      #expect(counter.value > Self.pieces * Self.piece.count)
    }
  }
}
