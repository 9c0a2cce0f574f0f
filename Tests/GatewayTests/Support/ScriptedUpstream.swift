import Foundation
import NIOCore
import NIOPosix
import Synchronization

@testable import Gateway

/// A request as an upstream got it.
struct SeenRequest: Sendable {
  var head: String
  /// Without framing.
  var body: String
  /// Counts the upstream's connections.
  var connection: Int

  func header(_ name: String) -> String? { RawResponse(status: 0, head: head, body: "").header(name) }
  func headers(_ name: String) -> Int {
    head.lowercased().split(separator: "\r\n").count { $0.hasPrefix("\(name):") }
  }
}

/// What an upstream does about a request.
enum Reply: Sendable {
  case text(String)
  case textThenClose(String)
  case textThenReset(String)
  case close
  case hang
  /// So many bytes of body.
  case large(Int)
  /// Whatever comes is sent back, after a handshake's answer.
  case echo(String)

  static func ok(_ body: String = "{}", headers: String = "") -> Reply {
    .text("HTTP/1.1 200 OK\r\ncontent-length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
  }
}

/// A server on a port of its own that does as it is told.
final class ScriptedUpstream: Sendable {
  private let channel: any Channel
  private let log: UpstreamLog
  let port: Int

  final class UpstreamLog: Sendable {
    private let state = Mutex((requests: [SeenRequest](), bytes: 0, connections: 0))
    func connected() -> Int {
      state.withLock { state in
        state.connections += 1
        return state.connections
      }
    }
    func received(_ count: Int) { state.withLock { $0.bytes += count } }
    func saw(_ request: SeenRequest) { state.withLock { $0.requests.append(request) } }
    var requests: [SeenRequest] { state.withLock { $0.requests } }
    var bytes: Int { state.withLock { $0.bytes } }
    var connections: Int { state.withLock { $0.connections } }
  }

  /// - Parameter answersAtHead: Whether the script is asked when the head is there, not the body.
  init(
    port: Int = 0, answersAtHead: Bool = false, keepsBodies: Bool = true,
    _ script: @escaping @Sendable (SeenRequest) -> Reply
  ) async throws {
    let log = UpstreamLog()
    self.log = log
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            UpstreamHandler(log, script, answersAtHead: answersAtHead, keepsBodies: keepsBodies))
        }
      }.bind(host: "127.0.0.1", port: port).get()
    self.port = channel.localAddress!.port!
  }

  /// On a port that the system gives to no outgoing connection, so that it is still free when another takes it over.
  static func onLastingPort(_ script: @escaping @Sendable (SeenRequest) -> Reply) async throws -> ScriptedUpstream {
    while true {
      do {
        return try await ScriptedUpstream(port: Int.random(in: 5_000..<8_000), script)
      } catch let error as IOError {
        guard error.errnoCode == EADDRINUSE else { throw error }
      }
    }
  }

  /// Without those that ask for its health.
  var requests: [SeenRequest] { log.requests.filter { !$0.head.hasPrefix("GET /health/ready ") } }
  var receivedBytes: Int { log.bytes }
  var connections: Int { log.connections }
  func close() async { try? await channel.close() }
}

private final class UpstreamHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let log: ScriptedUpstream.UpstreamLog
  private let script: @Sendable (SeenRequest) -> Reply
  private let answersAtHead: Bool
  private let keepsBodies: Bool
  private let connection: Int
  private var input = ByteBuffer()
  private var reader: BodyReader?
  private var seen = SeenRequest(head: "", body: "", connection: 0)
  private var isEcho = false
  private var left = 0

  init(
    _ log: ScriptedUpstream.UpstreamLog, _ script: @escaping @Sendable (SeenRequest) -> Reply, answersAtHead: Bool,
    keepsBodies: Bool
  ) {
    self.log = log
    self.script = script
    self.answersAtHead = answersAtHead
    self.keepsBodies = keepsBodies
    connection = log.connected()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    log.received(bytes.readableBytes)
    if isEcho { return context.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
    input.writeBuffer(&bytes)
    while readOne(context) {}
    if input.readableBytes == 0 { input.clear() } else { input.discardReadBytes() }
  }

  private func readOne(_ context: ChannelHandlerContext) -> Bool {
    if reader == nil {
      guard let length = input.withUnsafeReadableBytes({ (try? HeadScanner.headLength($0)) ?? nil }) else {
        return false
      }
      var head = RequestHead()
      input.withUnsafeReadableBytes { try? head.parse($0[ByteRange(0, length)], limits: HeadLimits()) }
      seen = SeenRequest(head: input.readString(length: length)!, body: "", connection: connection)
      reader = BodyReader(head.framing, decodesChunks: true)
      if answersAtHead {
        log.saw(seen)
        answer(script(seen), context)
      }
    }
    while let piece = (try? reader?.next(&input)) ?? nil {
      if keepsBodies { seen.body += String(buffer: piece) }
      if reader!.isDone { break }
    }
    guard reader!.isDone else { return false }
    reader = nil
    if !answersAtHead {
      log.saw(seen)
      answer(script(seen), context)
    }
    return input.readableBytes > 0 && !isEcho
  }

  private func answer(_ reply: Reply, _ context: ChannelHandlerContext) {
    func write(_ text: String) { context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil) }
    switch reply {
    case .text(let text): write(text)
    case .textThenClose(let text):
      write(text)
      context.close(promise: nil)
    case .textThenReset(let text):
      write(text)
      context.channel.resetOnClose()
      context.close(promise: nil)
    case .close: context.close(promise: nil)
    case .hang: break
    case .large(let count):
      write("HTTP/1.1 200 OK\r\ncontent-length: \(count)\r\n\r\n")
      left = count
      pump(context)
    case .echo(let text):
      isEcho = true
      write(text)
    }
  }

  /// Writes as long as the peer takes it.
  private func pump(_ context: ChannelHandlerContext) {
    while left > 0, context.channel.isWritable {
      let count = min(left, 65_536)
      left -= count
      context.writeAndFlush(
        wrapOutboundOut(ByteBuffer(repeating: UInt8(ascii: "x"), count: count)), promise: nil)
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) { pump(context) }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
