import NIOCore
import NIOEmbedded
import NIOHPACK
import Testing

@testable import Gateway

/// Answers every request with as many octets as its stream's number says.
private final class CountingSession: HTTP2Session {
  private(set) var last: UInt32 = 0
  private(set) var fault: HTTP2Fault?
  private(set) var received = 0
  var takes = true

  init(streamWindow: Int = HTTP2Window.initial) { super.init(HeadLimits(), streamWindow: streamWindow) }

  override func channelActive(context: ChannelHandlerContext) {
    begin([], connectionWindow: HTTP2Window.initial)
    context.fireChannelActive()
  }
  override var lastStream: UInt32 { last }
  override func isIdle(_ stream: UInt32) -> Bool { stream > last || stream.isMultiple(of: 2) }
  override func gaveUp(_ fault: HTTP2Fault) { self.fault = fault }

  static func length(_ stream: UInt32) -> Int { Int(stream) * 997 % 90_000 }

  override func receive(_ block: Block) throws(HTTP2Fault) {
    try decode(block) { _, _ in }
    if let stream = streams[block.stream] {
      guard !stream.peerEnded, block.endsStream else { return try fail(stream, .protocolError) }
      return endedByPeer(stream)
    }
    guard block.stream > last, !block.stream.isMultiple(of: 2) else { return try receiveForNobody(block.stream) }
    last = block.stream
    let stream = CountingStream(self)
    open(stream, block.stream)
    let length = Self.length(block.stream)
    sendHead(stream, endsStream: length == 0) { encoder, output in
      encoder.encodeStatus(200, into: &output)
      "content-length".withBytes { name in
        String(length).withBytes { encoder.encode(name: name, value: $0, .indexable, into: &output) }
      }
    }
    if length > 0 {
      stream.send(ByteBuffer(repeating: UInt8(ascii: "a"), count: length))
      stream.sendEnd(nil)
      sendSoon(stream)
    }
    if block.endsStream { endedByPeer(stream) }
  }

  func received(_ count: Int) { received += count }
}

private final class CountingStream: HTTP2Stream {
  override func receive(_ data: ByteBuffer, endsStream: Bool, counted: Int) {
    guard let session = session as? CountingSession else { return }
    session.received(data.readableBytes)
    if session.takes { taken(counted) }
    if endsStream { session.endedByPeer(self) }
  }
}

/// A peer in memory, that keeps the books.
private struct Peer {
  let channel: EmbeddedChannel
  let session: CountingSession
  private var unread = ByteBuffer()
  private var decoder = NIOHPACK.HPACKDecoder(allocator: ByteBufferAllocator())
  /// What the session may still send.
  var window = HTTP2Window.initial
  var streamWindow = HTTP2Window.initial
  var windows: [UInt32: Int] = [:]
  var frames: [HTTP2Frame] = []
  /// Octets of bodies that came.
  var bodies: [UInt32: Int] = [:]
  var ended: Set<UInt32> = []
  var hasGone = false

  init(streamWindow: Int = HTTP2Window.initial) throws {
    session = CountingSession(streamWindow: streamWindow)
    channel = EmbeddedChannel(handler: session)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  mutating func send(_ bytes: [UInt8]) throws {
    try channel.writeInbound(ByteBuffer(bytes: bytes))
    try take()
  }

  /// Reads what the session has sent, and holds it to the rules.
  mutating func take() throws {
    channel.embeddedEventLoop.run()
    unread = unread.rest
    while var bytes = try channel.readOutbound(as: ByteBuffer.self) { unread.writeBuffer(&bytes) }
    while let frame = try HTTP2Frame.take(&unread) {
      #expect(!hasGone, "a frame behind GOAWAY")
      frames.append(frame)
      switch frame.type {
      case HTTP2Frame.Kind.data:
        let count = frame.payload.readableBytes
        window -= count
        windows[frame.stream, default: streamWindow] -= count
        bodies[frame.stream, default: 0] += count
        #expect(window >= 0 && windows[frame.stream]! >= 0, "more was sent than the windows allow")
        #expect(!ended.contains(frame.stream), "DATA behind the end of its stream")
      case HTTP2Frame.Kind.headers:
        var block = frame.payload
        #expect(throws: Never.self) { try decoder.decodeHeaders(from: &block) }
      case HTTP2Frame.Kind.reset: ended.insert(frame.stream)
      case HTTP2Frame.Kind.goAway: hasGone = true
      default: break
      }
      if frame.type <= HTTP2Frame.Kind.headers, frame.endsStream { ended.insert(frame.stream) }
    }
  }

  func count(_ kind: UInt8) -> Int { frames.count { $0.type == kind } }
}

@Suite("Frames, windows and streams of HTTP/2") struct HTTP2SessionTests {
  @Test("bodies go as far as both windows allow, in turn, and on when they open")
  func windows() throws {
    var peer = try Peer()
    try peer.send(RawFrame.settings([(4, 1_000)]).bytes)
    (peer.streamWindow, peer.windows) = (1_000, [:])
    // 2 991 and 4 985 octets.
    try peer.send(RawFrame.get(3).bytes + RawFrame.get(5).bytes)
    #expect(peer.bodies == [3: 1_000, 5: 1_000])
    peer.windows[3, default: 0] += 5_000
    try peer.send(RawFrame.windowUpdate(3, 5_000).bytes)
    #expect(peer.bodies == [3: 2_991, 5: 1_000] && peer.ended == [3])
    // A larger initial window opens those that there are, too (RFC 9113 §6.9.2).
    peer.windows[5, default: 0] += 500
    try peer.send(RawFrame.settings([(4, 1_500)]).bytes)
    #expect(peer.bodies[5] == 1_500)
    // And a smaller one may leave them below zero.
    peer.windows[5, default: 0] -= 1_000
    try peer.send(RawFrame.settings([(4, 500)]).bytes)
    peer.windows[5, default: 0] += 1_000
    try peer.send(RawFrame.windowUpdate(5, 1_000).bytes)
    #expect(peer.bodies[5] == 1_500)
    peer.windows[5, default: 0] += 10_000
    try peer.send(RawFrame.windowUpdate(5, 10_000).bytes)
    #expect(peer.bodies[5] == 4_985 && peer.ended == [3, 5])
    #expect(peer.session.streams.isEmpty)
  }

  @Test("streams take turns, a frame each")
  func turns() throws {
    var peer = try Peer()
    try peer.send(RawFrame.settings().bytes + RawFrame.windowUpdate(0, 1 << 20).bytes)
    peer.window += 1 << 20
    // 54 835 and 56 829 octets.
    try peer.send(RawFrame.get(55).bytes + RawFrame.get(57).bytes)
    let order = peer.frames.filter { $0.type == HTTP2Frame.Kind.data }.map(\.stream)
    #expect(order == [55, 57, 55, 57, 55, 57, 55, 57])
  }

  @Test("when the connection's window is what holds them back, whoever got nothing has the next turn")
  func fairness() throws {
    var peer = try Peer()
    try peer.send(RawFrame.settings().bytes)
    // All have more than the connection's window lets go.
    try peer.send([55, 57, 59, 61].flatMap { RawFrame.get($0).bytes })
    let before = peer.bodies
    for _ in 0..<4 {
      peer.window += 16_384
      try peer.send(RawFrame.windowUpdate(0, 16_384).bytes)
    }
    for stream in [55, 57, 59, 61] as [UInt32] {
      #expect(peer.bodies[stream, default: 0] > before[stream, default: 0], "\(stream): \(before), \(peer.bodies)")
    }
  }

  @Test("what was sent is let go while there is always more to send, and what was read while a frame is always cut")
  func letGo() async throws {
    var peer = try Peer()
    try peer.send(RawFrame.settings().bytes)
    try peer.send(RawFrame.headers(1, RawFrame.request("POST", "/"), end: false).bytes)
    try peer.send(RawFrame.headers(85, RawFrame.request("POST", "/"), end: false).bytes)
    // 5 MB each way.
    let frame = RawFrame.data(1, String(repeating: "a", count: 16_384)).bytes
    let stream = try #require(peer.session.streams[85])
    try peer.send(Array(frame.prefix(100)))
    var (sent, read) = (0, 0)
    let updates = RawFrame.windowUpdate(0, 16_384).bytes + RawFrame.windowUpdate(85, 16_384).bytes
    let (body, next) = (
      ByteBuffer(repeating: 0, count: 16_384), Array(frame.dropFirst(100)) + updates + frame.prefix(100)
    )
    for _ in 0..<300 {
      stream.send(body)
      peer.session.sendSoon(stream)
      peer.window += 16_384
      peer.windows[85, default: peer.streamWindow] += 16_384
      try peer.send(next)
      // Others wait for this thread.
      await Task.yield()
      peer.frames.removeAll()
      (sent, read) = (max(sent, stream.output.storageBytes), max(read, peer.session.input?.storageCapacity ?? 0))
    }
    #expect(peer.session.received == 300 * 16_384 && stream.output.count > 0)
    #expect(sent < 512 << 10 && read < 128 << 10, "\(sent), \(read)")
  }

  @Test("what is taken is given back, to the stream and to the connection, in good time and not for every octet")
  func givenBack() throws {
    var peer = try Peer()
    try peer.send(RawFrame.settings().bytes)
    try peer.send(RawFrame.headers(1, RawFrame.request("POST", "/"), end: false).bytes)
    let updates = peer.count(HTTP2Frame.Kind.windowUpdate)
    for _ in 0..<40 { try peer.send(RawFrame.data(1, String(repeating: "a", count: 16_384)).bytes) }
    #expect(peer.session.received == 40 * 16_384 && !peer.hasGone)
    let more = peer.count(HTTP2Frame.Kind.windowUpdate) - updates
    #expect((20...40).contains(more), "\(more)")
  }

  @Test("padding uses up the window and is no part of a body")
  func padding() throws {
    var peer = try Peer()
    try peer.send(RawFrame.settings().bytes)
    try peer.send(RawFrame.headers(1, RawFrame.request("POST", "/"), end: false).bytes)
    let padded = RawFrame(
      type: RawFrame.Kind.data, flags: 8, stream: 1,
      payload: [200] + Array("abc".utf8) + Array(repeating: 0, count: 200))
    for _ in 0..<1_000 { try peer.send(padded.bytes) }
    #expect(peer.session.received == 3_000 && !peer.hasGone)
    #expect(peer.count(HTTP2Frame.Kind.windowUpdate) >= 10)
  }

  @Test("a stream's window is given back once its body is taken, and more than it allows ends the stream alone")
  func exceeded() throws {
    var peer = try Peer(streamWindow: 20_000)
    peer.session.takes = false
    // Before the peer has heard of 20 000 it goes by 65 535.
    try peer.send(RawFrame.settings().bytes)
    try peer.send(RawFrame.headers(1, RawFrame.request("POST", "/"), end: false).bytes)
    let large = String(repeating: "a", count: 16_384)
    try peer.send(RawFrame.data(1, large).bytes + RawFrame.data(1, large).bytes)
    #expect(peer.count(HTTP2Frame.Kind.reset) == 0)
    try peer.send(RawFrame.settingsTaken.bytes)
    try peer.send(RawFrame.headers(3, RawFrame.request("POST", "/"), end: false).bytes)
    try peer.send(RawFrame.data(3, large).bytes)
    #expect(peer.count(HTTP2Frame.Kind.reset) == 0)
    try peer.send(RawFrame.data(3, large).bytes)
    let reset = try #require(peer.frames.last { $0.type == HTTP2Frame.Kind.reset })
    #expect(reset.stream == 3 && reset.payload.getInteger(at: reset.payload.readerIndex, as: UInt32.self) == 3)
    #expect(!peer.hasGone && !peer.frames.contains { $0.type == HTTP2Frame.Kind.windowUpdate && $0.stream != 0 })
  }

  @Test("a frame is the same wherever it is cut", arguments: [1, 2, 3, 8, 9, 10, 100])
  func cuts(step: Int) throws {
    var peer = try Peer()
    let bytes =
      RawFrame.settings().bytes + RawFrame.get(3).bytes
      + RawFrame.headers(5, RawFrame.request("POST", "/"), end: false).bytes
      + RawFrame.data(5, "hello", end: true).bytes + RawFrame(type: RawFrame.Kind.ping, payload: Array(1...8)).bytes
    for start in stride(from: 0, to: bytes.count, by: step) {
      try peer.send(Array(bytes[start..<min(bytes.count, start + step)]))
    }
    #expect(peer.bodies == [3: 2_991, 5: 4_985] && peer.session.received == 5)
    let pong = try #require(peer.frames.first { $0.type == HTTP2Frame.Kind.ping })
    #expect(pong.has(HTTP2Frame.Flag.ack) && Array(pong.payload.readableBytesView) == Array(1...8))
  }

  @Test("a table of any size that the peer wants is kept to")
  func tableSizes() throws {
    var peer = try Peer()
    for (stream, size) in [(1, 0), (3, 4_096), (5, 100), (7, 1_000_000), (9, 0)] {
      try peer.send(RawFrame.settings([(1, UInt32(size))]).bytes + RawFrame.get(UInt32(stream)).bytes)
    }
    #expect(peer.count(HTTP2Frame.Kind.headers) == 5 && !peer.hasGone)
  }

  /// Frames that mostly make sense, in an order that mostly does not.
  @Test("whatever frames come, what goes keeps to the rules", arguments: 0..<40)
  func anything(seed: UInt64) async throws {
    var random = Seeded(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
    for _ in 0..<25 {
      var peer = try Peer(streamWindow: [20_000, HTTP2Window.initial, 200_000].randomElement(using: &random)!)
      try peer.send(RawFrame.settings().bytes)
      var next: UInt32 = 1
      for _ in 0..<Int.random(in: 1...60, using: &random) where !peer.hasGone {
        let stream = UInt32.random(in: 0...next, using: &random)
        var frame: RawFrame
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1, 2:
          frame = .headers(next, RawFrame.request("POST", "/"), end: Bool.random(using: &random))
          next += 2
        case 3, 4:
          let text = String(repeating: "a", count: Int.random(in: 0...3_000, using: &random))
          frame = .data(stream, text, end: Int.random(in: 0..<4, using: &random) == 0)
        case 5: frame = .reset(stream, UInt32.random(in: 0...14, using: &random))
        case 6:
          let increment = Int.random(in: 1...30_000, using: &random)
          frame = .windowUpdate(stream, UInt32(increment))
          // Counted before it is read: what it is good for is not sent earlier.
          if stream == 0 {
            peer.window += increment
          } else {
            peer.windows[stream, default: peer.streamWindow] += increment
          }
        case 7:
          frame = .windowUpdate(0, 20_000)
          peer.window += 20_000
        case 8: frame = RawFrame(type: RawFrame.Kind.ping, payload: Array(repeating: 0, count: 8))
        default:
          frame = RawFrame(type: UInt8.random(in: 0...12, using: &random), stream: stream, payload: [0, 0, 0, 1])
        }
        var bytes = frame.bytes
        if Int.random(in: 0..<12, using: &random) == 0 {
          bytes[Int.random(in: 3..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
          // What a bit more or less opened is not known here.
          (peer.window, peer.streamWindow) = (.max / 2, .max / 2)
          for stream in peer.windows.keys { peer.windows[stream] = .max / 2 }
        }
        try peer.send(bytes)
      }
      #expect(peer.hasGone == (peer.session.fault != nil))
      for (stream, count) in peer.bodies { #expect(count <= CountingSession.length(stream)) }
      _ = try? peer.channel.finish()
      #expect(peer.session.streams.isEmpty)
      await Task.yield()
    }
  }
}
