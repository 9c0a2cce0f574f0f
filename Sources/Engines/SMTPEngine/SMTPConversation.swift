import NIOCore
import NIOSSL

/// Commands out, replies in, one question at a time. Lives on its channel's event loop.
final class SMTPConversation: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private struct Question {
    var missing: Int
    var replies: [SMTPReply] = []
    var promise: EventLoopPromise<[SMTPReply]>
    var timeout: Scheduled<Void>
  }

  private var parser = SMTPReplyParser()
  private var question: Question?
  /// The greeting, when it comes before somebody waits for it, or a 421 (RFC 5321 §3.8).
  private var early: [SMTPReply] = []
  private(set) var end: SMTPError?

  // MARK: Asking

  /// - Parameters:
  ///   - bytes: Commands, or the mail; nil only waits, for the greeting.
  ///   - count: How many replies that makes.
  func ask(
    _ bytes: ByteBuffer?, replies count: Int, within time: TimeAmount, _ channel: any Channel,
    _ promise: EventLoopPromise<[SMTPReply]>
  ) {
    if let end { return promise.fail(end) }
    if bytes != nil, let reply = early.first {
      finish(
        reply.code == 421
          ? SMTPError(.converse, "the server closed the connection: \(reply)")
          : SMTPError(.converse, "the server sent a reply to nothing: \(reply)"))
      channel.close(promise: nil)
      return promise.fail(end ?? SMTPError(.converse, "closed"))
    }
    guard question == nil else { return promise.fail(SMTPError(.converse, "two questions at a time")) }
    let timeout = channel.eventLoop.assumeIsolated().scheduleTask(in: time) {
      self.finish(SMTPError(.converse, "the server did not answer within \(time.nanoseconds / 1_000_000) ms"))
      channel.close(promise: nil)
    }
    question = Question(missing: count, promise: promise, timeout: timeout)
    if let bytes { channel.writeAndFlush(bytes, promise: nil) }
    let waiting = early
    early = []
    for reply in waiting { hear(reply) }
  }

  /// What was sent in the clear must not be taken for something that came under TLS (RFC 3207 §5, CVE-2011-0411).
  func startTLS(_ channel: any Channel, _ handler: NIOSSLClientHandler) throws {
    guard early.isEmpty, parser.isEmpty else {
      throw SMTPError(.encrypt, "the server sent more than its reply before TLS began: somebody may be in between")
    }
    try channel.pipeline.syncOperations.addHandler(handler, position: .first)
  }

  // MARK: Hearing

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard end == nil else { return }
    do {
      for reply in try parser.feed(unwrapInboundIn(data).readableBytesView) { hear(reply) }
    } catch {
      finish(error)
    }
    if end != nil { context.close(promise: nil) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    let last = early.first.map { ": \($0)" } ?? ""
    finish(SMTPError(.converse, "the server ended the connection\(last)"))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    finish(SMTPError(error))
    context.close(promise: nil)
  }

  private func hear(_ reply: SMTPReply) {
    guard var asked = question else {
      early.append(reply)
      if early.count > 2 { finish(SMTPError(.converse, "the server sent replies to nothing")) }
      return
    }
    asked.replies.append(reply)
    asked.missing -= 1
    // After a 421 nothing more comes.
    guard asked.missing == 0 || reply.code == 421 else {
      question = asked
      return
    }
    question = nil
    asked.timeout.cancel()
    asked.promise.succeed(asked.replies)
  }

  /// Nothing is heard any more; the first reason counts.
  private func finish(_ error: SMTPError) {
    if end == nil { end = error }
    guard let asked = question else { return }
    question = nil
    asked.timeout.cancel()
    asked.promise.fail(end ?? error)
  }
}
