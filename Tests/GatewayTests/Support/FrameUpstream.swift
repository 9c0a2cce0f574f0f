import NIOCore
import NIOHPACK
import NIOPosix
import Synchronization

@testable import Gateway

/// A request of HTTP/2 as a service got it.
struct FrameRequest: Sendable {
  /// Counts the service's connections.
  var connection: Int
  var stream: UInt32
  var fields: [(String, String)]
  var body = ""
  var trailers: [(String, String)] = []

  func header(_ name: String) -> String? { fields.first { $0.0 == name }?.1 }
  func headers(_ name: String) -> Int { fields.count { $0.0 == name } }
  var path: String { header(":path") ?? "" }
}

/// A service that speaks HTTP/2 without TLS, and answers with the frames that it is told, well-formed or not.
final class FrameUpstream: Sendable {
  private let channel: any Channel
  private let log: Log
  let port: Int

  final class Log: Sendable {
    struct State {
      var requests: [FrameRequest] = []
      var resets: [(stream: UInt32, code: UInt32)] = []
      var channels: [any Channel] = []
      var answersPings = true
    }
    let state = Mutex(State())
  }

  /// - Parameters:
  ///   - settings: What each connection begins with.
  ///   - answersAtHead: Whether the script is asked when the head is there, not the body.
  ///   - script: Asked once for each request.
  init(
    settings: [(UInt16, UInt32)] = [], answersAtHead: Bool = false,
    _ script: @escaping @Sendable (FrameRequest) -> [RawFrame]
  ) async throws {
    let log = Log()
    self.log = log
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            FrameUpstreamHandler(log, settings, answersAtHead, script))
        }
      }.bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress!.port!
  }

  var requests: [FrameRequest] { log.state.withLock { $0.requests.filter { $0.path != "/health/ready" } } }
  var resets: [(stream: UInt32, code: UInt32)] { log.state.withLock { $0.resets } }
  /// Those that had requests.
  var connections: Int { Set(requests.map(\.connection)).count }
  func answersPings(_ answers: Bool) { log.state.withLock { $0.answersPings = answers } }
  /// Sends frames on a connection, unasked.
  func send(_ frames: RawFrame..., on connection: Int) async throws { try await send(frames, on: connection) }
  func send(_ frames: [RawFrame], on connection: Int) async throws {
    let channel = log.state.withLock { $0.channels[connection - 1] }
    try await channel.writeAndFlush(ByteBuffer(bytes: frames.flatMap(\.bytes)))
  }
  func closeConnections() async {
    for channel in log.state.withLock({ $0.channels }) { try? await channel.close() }
  }
  func close() async {
    try? await channel.close()
    await closeConnections()
  }
}

private final class FrameUpstreamHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let log: FrameUpstream.Log
  private let settings: [(UInt16, UInt32)]
  private let answersAtHead: Bool
  private let script: @Sendable (FrameRequest) -> [RawFrame]
  private var decoder = NIOHPACK.HPACKDecoder(allocator: ByteBufferAllocator())
  private var input = ByteBuffer()
  private var hasPreface = false
  private var connection = 0
  private var open: [UInt32: FrameRequest] = [:]

  init(
    _ log: FrameUpstream.Log, _ settings: [(UInt16, UInt32)], _ answersAtHead: Bool,
    _ script: @escaping @Sendable (FrameRequest) -> [RawFrame]
  ) {
    self.log = log
    self.settings = settings
    self.answersAtHead = answersAtHead
    self.script = script
  }

  func channelActive(context: ChannelHandlerContext) {
    connection = log.state.withLock { state in
      state.channels.append(context.channel)
      return state.channels.count
    }
    write([.settings(settings)], context)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    input.writeBuffer(&bytes)
    if !hasPreface {
      guard input.readableBytes >= HTTP2Frame.preface.count else { return }
      guard input.readBytes(length: HTTP2Frame.preface.count) == HTTP2Frame.preface else {
        return context.close(promise: nil)
      }
      hasPreface = true
    }
    while let frame = frame() { take(frame, context) }
    input.discardReadBytes()
  }

  private func frame() -> RawFrame? {
    guard let head = input.getBytes(at: input.readerIndex, length: 9) else { return nil }
    let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
    guard input.readableBytes >= 9 + length else { return nil }
    input.moveReaderIndex(forwardBy: 9)
    let stream = head[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return RawFrame(type: head[3], flags: head[4], stream: stream, payload: input.readBytes(length: length)!)
  }

  private func take(_ frame: RawFrame, _ context: ChannelHandlerContext) {
    switch frame.type {
    case RawFrame.Kind.headers:
      var block = ByteBuffer(bytes: frame.payload)
      let fields = (try? decoder.decodeHeaders(from: &block).map { ($0.name, $0.value) }) ?? []
      if open[frame.stream] == nil {
        let request = FrameRequest(connection: connection, stream: frame.stream, fields: fields)
        open[frame.stream] = request
        if answersAtHead { answer(request, context) }
      } else {
        open[frame.stream]?.trailers = fields
      }
      if frame.endsStream { end(frame.stream, context) }
    case RawFrame.Kind.data:
      open[frame.stream]?.body += String(decoding: frame.payload, as: UTF8.self)
      if !frame.payload.isEmpty { write([.windowUpdate(0, UInt32(frame.payload.count))], context) }
      if frame.endsStream { end(frame.stream, context) }
    case RawFrame.Kind.settings where frame.flags & 1 == 0:
      write([RawFrame(type: RawFrame.Kind.settings, flags: 1)], context)
    case RawFrame.Kind.ping where frame.flags & 1 == 0:
      guard log.state.withLock({ $0.answersPings }) else { return }
      write([RawFrame(type: RawFrame.Kind.ping, flags: 1, payload: frame.payload)], context)
    case RawFrame.Kind.reset: log.state.withLock { $0.resets.append((frame.stream, frame.code ?? 0)) }
    default: break
    }
  }

  private func end(_ stream: UInt32, _ context: ChannelHandlerContext) {
    guard let request = open.removeValue(forKey: stream), !answersAtHead else { return }
    answer(request, context)
  }

  private func answer(_ request: FrameRequest, _ context: ChannelHandlerContext) {
    log.state.withLock { $0.requests.append(request) }
    write(script(request), context)
  }

  private func write(_ frames: [RawFrame], _ context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: frames.flatMap(\.bytes))), promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension RawFrame {
  /// An answer with a body of its length.
  static func ok(_ stream: UInt32, _ body: String = "{}") -> [RawFrame] {
    let head = [(":status", "200"), ("content-length", "\(body.utf8.count)")]
    guard !body.isEmpty else { return [.headers(stream, head)] }
    return [.headers(stream, head, end: false), .data(stream, body, end: true)]
  }
  static func goAway(last stream: UInt32, _ code: UInt32 = 0) -> RawFrame {
    RawFrame(type: Kind.goAway, payload: word(stream) + word(code))
  }
}
