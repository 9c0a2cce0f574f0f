import NIOCore
import NIOHPACK
import NIOPosix
import Synchronization

@testable import Gateway

/// A frame of HTTP/2 as it is on the wire.
struct RawFrame: Sendable, Equatable {
  var type: UInt8
  var flags: UInt8 = 0
  var stream: UInt32 = 0
  var payload: [UInt8] = []
  /// Of a header block that came, names and values in turn: blocks mean something in their order only, so they are
  /// unpacked as they come.
  var fields: [[String]] = []

  enum Kind {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let priority: UInt8 = 2
    static let reset: UInt8 = 3
    static let settings: UInt8 = 4
    static let push: UInt8 = 5
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9
  }
  static let endStream: UInt8 = 1
  static let endHeaders: UInt8 = 4

  var bytes: [UInt8] {
    let count = payload.count
    var bytes = Array(Self.word(UInt32(count)).dropFirst())
    bytes += [type, flags]
    bytes += Self.word(stream)
    bytes += payload
    return bytes
  }
  /// Of WINDOW_UPDATE, and what ``FrameClient/windowFrame()`` makes of SETTINGS.
  var increment: Int { Int(payload.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }) }
  var endsStream: Bool { flags & Self.endStream != 0 }
  /// The code of RST_STREAM or GOAWAY.
  var code: UInt32? {
    let tail = type == Kind.reset ? payload[...] : type == Kind.goAway ? payload.dropFirst(4).prefix(4) : []
    return tail.count == 4 ? tail.reduce(0) { $0 << 8 | UInt32($1) } : nil
  }

  static func word(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
  static let settingsTaken = RawFrame(type: Kind.settings, flags: 1)
  static func settings(_ values: [(UInt16, UInt32)] = []) -> RawFrame {
    var payload: [UInt8] = []
    for (name, value) in values {
      payload += word(UInt32(name)).suffix(2)
      payload += word(value)
    }
    return RawFrame(type: Kind.settings, payload: payload)
  }
  static func headers(
    _ stream: UInt32, _ fields: [(String, String)], end: Bool = true, endHeaders: Bool = true
  ) -> RawFrame {
    RawFrame(
      type: Kind.headers, flags: (end ? Self.endStream : 0) | (endHeaders ? Self.endHeaders : 0), stream: stream,
      payload: block(fields))
  }
  static func data(_ stream: UInt32, _ text: String, end: Bool = false) -> RawFrame {
    RawFrame(type: Kind.data, flags: end ? endStream : 0, stream: stream, payload: Array(text.utf8))
  }
  static func reset(_ stream: UInt32, _ code: UInt32 = 8) -> RawFrame {
    RawFrame(type: Kind.reset, stream: stream, payload: word(code))
  }
  static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> RawFrame {
    RawFrame(type: Kind.windowUpdate, stream: stream, payload: word(increment))
  }
  static func get(_ stream: UInt32, _ path: String = "/items", _ more: [(String, String)] = []) -> RawFrame {
    headers(stream, request("GET", path) + more)
  }
  static func request(_ method: String, _ path: String) -> [(String, String)] {
    [(":method", method), (":scheme", "http"), (":path", path), (":authority", "test")]
  }

  /// A HEADERS frame as HEADERS and CONTINUATION of the allowed size.
  static func split(_ frame: RawFrame) -> [UInt8] {
    guard frame.payload.count > 16_384 else { return frame.bytes }
    var (rest, bytes, isFirst) = (frame.payload[...], [UInt8](), true)
    while !rest.isEmpty {
      let piece = rest.prefix(16_384)
      rest = rest.dropFirst(16_384)
      let flags = (isFirst ? frame.flags & ~endHeaders : 0) | (rest.isEmpty ? endHeaders : 0)
      bytes +=
        RawFrame(
          type: isFirst ? Kind.headers : Kind.continuation, flags: flags, stream: frame.stream, payload: Array(piece)
        ).bytes
      isFirst = false
    }
    return bytes
  }

  /// Literals that nothing is remembered of (RFC 7541 §6.2.2), whatever their octets.
  static func block(_ fields: [(String, String)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (name, value) in fields {
      bytes.append(0)
      for text in [name, value] {
        bytes += length(text.utf8.count)
        bytes += Array(text.utf8)
      }
    }
    return bytes
  }
  private static func length(_ count: Int) -> [UInt8] {
    guard count >= 127 else { return [UInt8(count)] }
    var (bytes, rest) = ([UInt8(127)], count - 127)
    while rest >= 128 {
      bytes.append(UInt8(rest & 127 | 128))
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}

/// An answer of HTTP/2.
struct FrameAnswer: Sendable {
  var fields: [(String, String)] = []
  var interims: [[(String, String)]] = []
  var body = ""
  var trailers: [(String, String)] = []
  /// RST_STREAM's code, where there was one.
  var reset: UInt32?
  var isWhole = false

  var status: Int { fields.first { $0.0 == ":status" }.flatMap { Int($0.1) } ?? 0 }
  func header(_ name: String) -> String? { fields.first { $0.0 == name }?.1 }
  func member(_ name: String) -> String? { RawResponse(status: status, head: "", body: body).member(name) }
}

/// An HTTP/2 client that sends the frames that it is told, well-formed or not.
final class FrameClient: Sendable {
  private let channel: any Channel
  private let received: Received

  private actor Received {
    private var iterator: AsyncStream<ByteBuffer>.Iterator
    private var buffer = ByteBuffer()
    private var isEnded = false
    private var decoder = NIOHPACK.HPACKDecoder(allocator: ByteBufferAllocator())
    /// Frames that were read while those of another stream were looked for.
    private var kept: [RawFrame] = []

    init(_ stream: AsyncStream<ByteBuffer>) { iterator = stream.makeAsyncIterator() }

    private func more() async -> Bool {
      guard !isEnded else { return false }
      var iterator = iterator
      let next = await iterator.next(isolation: self)
      self.iterator = iterator
      guard var next else {
        isEnded = true
        return false
      }
      buffer.writeBuffer(&next)
      return true
    }

    /// The next frame; nil at the end of the connection.
    func frame() async -> RawFrame? {
      while true {
        if buffer.readableBytes >= 9 {
          let head = buffer.getBytes(at: buffer.readerIndex, length: 9)!
          let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
          if buffer.readableBytes >= 9 + length {
            buffer.moveReaderIndex(forwardBy: 9)
            let payload = buffer.readBytes(length: length)!
            let stream = head[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            var frame = RawFrame(type: head[3], flags: head[4], stream: stream, payload: payload)
            if frame.type == RawFrame.Kind.headers { frame.fields = fields(frame) }
            return frame
          }
        }
        guard await more() else { return nil }
      }
    }

    private func fields(_ frame: RawFrame) -> [[String]] {
      var block = ByteBuffer(bytes: frame.payload)
      return (try? decoder.decodeHeaders(from: &block).map { [$0.name, $0.value] }) ?? [["malformed", ""]]
    }

    private func nextFrame(of stream: UInt32) async -> RawFrame? {
      if let index = kept.firstIndex(where: { $0.stream == stream }) { return kept.remove(at: index) }
      while let frame = await frame() {
        if frame.stream == stream { return frame }
        kept.append(frame)
      }
      return nil
    }

    func answer(_ stream: UInt32) async -> FrameAnswer {
      var answer = FrameAnswer()
      while let frame = await nextFrame(of: stream) {
        switch frame.type {
        case RawFrame.Kind.headers:
          let fields = frame.fields.map { ($0[0], $0[1]) }
          if answer.status >= 200 {
            answer.trailers = fields
          } else if fields.first?.1.hasPrefix("1") == true {
            answer.interims.append(fields)
          } else {
            answer.fields = fields
          }
        case RawFrame.Kind.data: answer.body += String(decoding: frame.payload, as: UTF8.self)
        case RawFrame.Kind.reset:
          answer.reset = frame.code
          return answer
        default: continue
        }
        if frame.endsStream {
          answer.isWhole = true
          return answer
        }
      }
      return answer
    }

    func first(of kind: UInt8) async -> RawFrame? {
      if let index = kept.firstIndex(where: { $0.type == kind }) { return kept.remove(at: index) }
      while let frame = await frame() {
        if frame.type == kind { return frame }
        kept.append(frame)
      }
      return nil
    }

    func windowFrame() async -> RawFrame? {
      while let frame = await frame() {
        if frame.type == RawFrame.Kind.windowUpdate { return frame }
        guard frame.type == RawFrame.Kind.settings, frame.flags & 1 == 0 else {
          kept.append(frame)
          continue
        }
        for setting in stride(from: 0, to: frame.payload.count - 5, by: 6) where frame.payload[setting + 1] == 4 {
          let value = frame.payload[(setting + 2)..<(setting + 6)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
          return RawFrame(type: RawFrame.Kind.settings, stream: 1, payload: RawFrame.word(value - 65_535))
        }
      }
      return nil
    }

    func end() async { while await frame() != nil {} }
  }

  /// Connects, and says HTTP/2's preface.
  static func connect(_ port: Int, settings: [(UInt16, UInt32)] = []) async throws -> FrameClient {
    try await connect(port, opening: HTTP2Frame.preface + RawFrame.settings(settings).bytes)
  }

  static func connect(_ port: Int, opening: [UInt8]) async throws -> FrameClient {
    let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(FrameCollector(continuation))
        }
      }.connect(host: "127.0.0.1", port: port).get()
    let client = FrameClient(channel, stream)
    try await client.send(opening)
    return client
  }

  private init(_ channel: any Channel, _ stream: AsyncStream<ByteBuffer>) {
    self.channel = channel
    received = Received(stream)
  }

  func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }
  /// In one write.
  func send(_ frames: RawFrame...) async throws { try await send(frames.flatMap(\.bytes)) }
  /// The answer on a stream, or as much as there was of it when the connection ended.
  func answer(_ stream: UInt32) async -> FrameAnswer { await received.answer(stream) }
  /// The next frame of a kind; nil at the connection's end.
  func first(of kind: UInt8) async -> RawFrame? { await received.first(of: kind) }
  /// The next WINDOW_UPDATE, or by how much SETTINGS enlarge the window of stream 1, as a payload like that; nil at
  /// the connection's end.
  func windowFrame() async -> RawFrame? { await received.windowFrame() }
  /// Returns when the connection has ended.
  func end() async { await received.end() }
  func close() async { try? await channel.close() }
  func setAutoRead(_ isOn: Bool) async throws { try await channel.setOption(.autoRead, value: isOn).get() }
  var isOpen: Bool { channel.isActive }
}

private final class FrameCollector: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer
  private let continuation: AsyncStream<ByteBuffer>.Continuation
  init(_ continuation: AsyncStream<ByteBuffer>.Continuation) { self.continuation = continuation }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) { continuation.yield(unwrapInboundIn(data)) }
  func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
