import GravityDiscovery
import NIOCore
import NIOPosix

/// Asks one instance whether it is ready.
enum HealthProbe {
  /// - Returns: Whether it answered 2xx within `timeout`.
  static func isUp(_ shared: UpstreamInstance, path: String, timeout: Duration, on group: any EventLoopGroup) async
    -> Bool
  {
    let loop = group.next()
    let instance = shared.instance
    let amount = TimeAmount.nanoseconds(timeout.nanoseconds)
    let answer = loop.makePromise(of: Int.self)
    let connecting = ClientBootstrap(group: loop).connectTimeout(amount)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let question = ProbeQuestion(host: instance.host, path: path, timeout: amount, answer: answer)
          try channel.pipeline.syncOperations.addHandler(
            instance.speaksHTTP2 ? HTTP2Probe(question) : HTTP1Probe(question))
        }
      }
    do {
      let channel =
        if let address = shared.address {
          try await connecting.connect(to: address).get()
        } else {
          try await connecting.connect(host: instance.host, port: instance.port).get()
        }
      channel.closeFuture.whenComplete { _ in answer.fail(ChannelError.eof) }
      let status = try await answer.futureResult.get()
      channel.close(promise: nil)
      return (200..<300).contains(status)
    } catch {
      answer.fail(error)
      return false
    }
  }
}

/// What an instance is asked, and what it has answered so far. The connection ends with the answer, or with the time for
/// it.
private final class ProbeQuestion {
  let request: ByteBuffer
  private let timeout: TimeAmount
  private let answer: EventLoopPromise<Int>
  private var received = ByteBuffer()
  private var deadline: Scheduled<Void>?

  init(host: String, path: String, timeout: TimeAmount, answer: EventLoopPromise<Int>) {
    let authority = host.contains(":") ? "[\(host)]" : host
    request = ByteBuffer(
      string: "GET \(path) HTTP/1.1\r\nhost: \(authority)\r\nuser-agent: gravity-gateway\r\nconnection: close\r\n\r\n")
    self.timeout = timeout
    self.answer = answer
  }

  func began(on channel: any Channel) {
    deadline = channel.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
  }

  /// - Returns: Whether that is all that was to be known.
  func receive(_ bytes: ByteBuffer) -> Bool {
    received.writeImmutableBuffer(bytes)
    while received.readableBytes <= 65_536,
      let length = received.withUnsafeReadableBytes({ (try? HeadScanner.headLength($0)) ?? nil })
    {
      var head = ResponseHead()
      let parsed: Void? = received.withUnsafeReadableBytes {
        try? head.parse($0[ByteRange(0, length)], limits: HeadLimits())
      }
      received.moveReaderIndex(forwardBy: length)
      // Interim ones say nothing yet.
      guard parsed == nil || head.status >= 200 else { continue }
      answer.succeed(parsed == nil ? 0 : head.status)
      return true
    }
    return false
  }

  func ended() {
    deadline?.cancel()
    answer.fail(ChannelError.eof)
  }
}

private final class HTTP1Probe: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let question: ProbeQuestion

  init(_ question: ProbeQuestion) { self.question = question }

  func channelActive(context: ChannelHandlerContext) {
    question.began(on: context.channel)
    context.writeAndFlush(wrapOutboundOut(question.request), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if question.receive(unwrapInboundIn(data)) { context.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) { question.ended() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

private final class HTTP2Probe: HTTP2ServiceSession, HTTP2Asker {
  private let question: ProbeQuestion

  init(_ question: ProbeQuestion) {
    self.question = question
    super.init(HeadLimits())
  }

  override func channelActive(context: ChannelHandlerContext) {
    super.channelActive(context: context)
    question.began(on: context.channel)
    let stream = HTTP2ServiceStream(self, self)
    guard open(stream) else { return context.close(promise: nil) }
    stream.write(question.request)
  }

  override func handlerRemoved(context: ChannelHandlerContext) {
    question.ended()
    super.handlerRemoved(context: context)
  }

  override func gaveUp(_ fault: HTTP2Fault) { context?.close(promise: nil) }

  // MARK: - The answer

  let takesAnswer = true

  func receive(answer bytes: ByteBuffer) {
    if question.receive(bytes) { context?.close(promise: nil) }
  }

  func streamBecameWritable() {}

  func streamEnded(_ end: HTTP2ServiceStream.End) { context?.close(promise: nil) }
}
