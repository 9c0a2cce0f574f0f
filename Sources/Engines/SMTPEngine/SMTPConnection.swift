import Foundation
import NIOCore
import NIOSSL
import Synchronization

/// A connection to a server that has let us in.
final class SMTPConnection: Sendable {
  let channel: any Channel
  private let conversation: NIOLoopBound<SMTPConversation>
  private let state = Mutex((capabilities: SMTPCapabilities(), sent: 0, usesTLS: false))

  init(_ channel: any Channel, _ conversation: NIOLoopBound<SMTPConversation>) {
    self.channel = channel
    self.conversation = conversation
  }

  var capabilities: SMTPCapabilities { state.withLock { $0.capabilities } }
  /// Mails that were begun.
  var sent: Int { state.withLock { $0.sent } }
  /// Whether what goes over it is encrypted.
  var usesTLS: Bool { state.withLock { $0.usesTLS } }
  func noteTLS() { state.withLock { $0.usesTLS = true } }
  func learn(_ capabilities: SMTPCapabilities) { state.withLock { $0.capabilities = capabilities } }
  func countMail() { state.withLock { $0.sent += 1 } }

  /// Sends one command, or nothing, and waits for its reply.
  /// - Parameter command: without its end; may hold secrets, so errors do not repeat it.
  func ask(_ command: String?, within time: TimeAmount) async throws(SMTPError) -> SMTPReply {
    let replies = try await ask(command.map { ByteBuffer(string: "\($0)\r\n") }, replies: 1, within: time)
    guard let reply = replies.last else { throw SMTPError(.converse, "no reply") }
    return reply
  }

  /// - Returns: a reply for each command, or fewer of which the last is a 421.
  func ask(_ bytes: ByteBuffer?, replies: Int, within time: TimeAmount) async throws(SMTPError) -> [SMTPReply] {
    let promise = channel.eventLoop.makePromise(of: [SMTPReply].self)
    channel.eventLoop.execute { [conversation, channel] in
      conversation.value.ask(bytes, replies: replies, within: time, channel, promise)
    }
    do { return try await promise.futureResult.get() } catch { throw SMTPError(error) }
  }

  func startTLS(_ context: NIOSSLContext, _ host: String) async throws(SMTPError) {
    do {
      try await channel.eventLoop.submit { [conversation, channel] in
        try conversation.value.startTLS(channel, SMTPOpening.tlsHandler(context, host))
      }.get()
    } catch { throw SMTPError(error) }
  }

  /// Says good-bye and waits for the answer, as RFC 5321 §4.1.1.10 wants, but not for long.
  func quit() async {
    _ = try? await ask("QUIT", within: .seconds(2))
    close()
  }

  func close() { channel.close(promise: nil) }
}
