import GravityContracts
import NIOCore
import NIOHTTP1
import NotificationServer

/// An open connection, for one request.
struct OutgoingChannel: Sendable {
  private let channel: any NIOCore.Channel
  private let answering: NIOLoopBound<OutgoingAnswering>

  init(_ channel: any NIOCore.Channel, _ answering: NIOLoopBound<OutgoingAnswering>) {
    self.channel = channel
    self.answering = answering
  }

  /// Always closes the connection.
  func exchange(
    _ request: OutgoingRequest, _ method: GravityContracts.Method, _ target: OutgoingTarget, _ deadline: NIODeadline
  ) async throws(OutgoingFailure) -> OutgoingAnswer {
    var headers = HTTPHeaders(request.headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    headers.replaceOrAdd(name: "host", value: target.authority)
    if method != .get { headers.replaceOrAdd(name: "content-length", value: "\(request.body.count)") }
    headers.replaceOrAdd(name: "connection", value: "close")
    let head = HTTPRequestHead(
      version: .http1_1, method: .init(rawValue: method.rawValue), uri: target.path, headers: headers)
    let promise = channel.eventLoop.makePromise(of: OutgoingAnswer.self)
    let body = ByteBuffer(bytes: request.body)
    channel.eventLoop.execute { [channel, answering] in
      answering.value.wait(promise, until: deadline, channel)
      channel.write(HTTPClientRequestPart.head(head), promise: nil)
      if body.readableBytes > 0 { channel.write(HTTPClientRequestPart.body(.byteBuffer(body)), promise: nil) }
      channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }
    defer { channel.close(promise: nil) }
    do { return try await promise.futureResult.get() } catch { throw OutgoingFailure(error) }
  }
}

/// Collects an answer.
final class OutgoingAnswering: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let greatestBody: Int
  private var promise: EventLoopPromise<OutgoingAnswer>?
  private var timeout: Scheduled<Void>?
  private var status: Int?
  private var body: [UInt8] = []
  /// Why it ended before anybody waited.
  private var end: OutgoingFailure?

  init(greatestBody: Int) { self.greatestBody = greatestBody }

  func wait(_ promise: EventLoopPromise<OutgoingAnswer>, until deadline: NIODeadline, _ channel: any NIOCore.Channel) {
    if let end { return promise.fail(end) }
    self.promise = promise
    timeout = channel.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
      self.finish(.failure(OutgoingFailure("no answer in time")))
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    // 1xx are no answers yet.
    case .head(let head): if head.status.code >= 200 { status = Int(head.status.code) }
    case .body(let part):
      body += part.readableBytesView.prefix(greatestBody - body.count)
      // The rest is not waited for.
      if body.count >= greatestBody { answer() }
    case .end: if status != nil { answer() }
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    finish(.failure(OutgoingFailure("the server ended the connection")))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    finish(.failure(OutgoingFailure(error)))
    context.close(promise: nil)
  }

  private func answer() {
    guard let status else { return }
    finish(.success(.reply(status: status, body: body)))
  }

  private func finish(_ result: Result<OutgoingAnswer, OutgoingFailure>) {
    if case .failure(let failure) = result, end == nil { end = failure }
    timeout?.cancel()
    guard let promise else { return }
    self.promise = nil
    switch result {
    case .success(let answer): promise.succeed(answer)
    case .failure(let failure): promise.fail(failure)
    }
  }
}
