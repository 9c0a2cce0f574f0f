import Dispatch
import NIOCore
import Synchronization

/// A document that takes a while to make: made off the event loops, once at a time however many ask, and kept for a
/// moment.
final class RenderedDocument: Sendable {
  private struct State {
    var reply: LocalReply?
    /// Until when `reply` is good.
    var freshUntil = Int64.min
    var isRendering = false
    var waiting: [EventLoopPromise<LocalReply>] = []
  }
  private let state = Mutex(State())
  private let contentType: String
  private let lasting: Int64
  private let now: @Sendable () -> Int64
  private let body: @Sendable () -> [UInt8]
  private let queue = DispatchQueue(label: "gravity.document")

  /// - Parameters:
  ///   - lasting: Nanoseconds after it was begun for which a rendering is good.
  ///   - now: Nanoseconds of the monotonic clock.
  init(
    contentType: String, lasting: Int64, now: @escaping @Sendable () -> Int64, _ body: @escaping @Sendable () -> [UInt8]
  ) {
    self.contentType = contentType
    self.lasting = lasting
    self.now = now
    self.body = body
  }

  enum Reply {
    case kept(LocalReply)
    /// Succeeds when it is made; it cannot fail.
    case coming(EventLoopFuture<LocalReply>)
  }

  /// What is kept where it is still good, else what is being made, for all that wait.
  func reply(on loop: any EventLoop) -> Reply {
    let now = now()
    let (reply, begins) = state.withLock { state -> (Reply, Bool) in
      if let reply = state.reply, now < state.freshUntil { return (.kept(reply), false) }
      let promise = loop.makePromise(of: LocalReply.self)
      state.waiting.append(promise)
      defer { state.isRendering = true }
      return (.coming(promise.futureResult), !state.isRendering)
    }
    if begins { queue.async { self.render() } }
    return reply
  }

  private func render() {
    let began = now()
    let reply = LocalReply(contentType: contentType, body: ByteBuffer(bytes: body()))
    let waiting = state.withLock { state in
      state.reply = reply
      state.freshUntil = began + lasting
      state.isRendering = false
      defer { state.waiting = [] }
      return state.waiting
    }
    for promise in waiting { promise.succeed(reply) }
  }
}
