import NIOCore

/// What a gateway answers itself at a path, to GET and HEAD, without a token.
public struct LocalDocument: Sendable {
  enum Source: Sendable {
    case fixed(ByteBuffer)
    case rendered(lasting: Duration, @Sendable () -> [UInt8])
  }
  let contentType: String
  let source: Source

  /// A document that stays as it is.
  public static func fixed(_ contentType: String, _ body: [UInt8]) -> LocalDocument {
    LocalDocument(contentType: contentType, source: .fixed(ByteBuffer(bytes: body)))
  }

  /// A document that is made when it is asked for, and kept for a while.
  ///
  /// - Parameters:
  ///   - lasting: How long after it was begun it is good for all that ask.
  ///   - body: Called on a thread of its own, never twice at a time, so it may take its time; who asks is told 503 when
  ///     it takes longer than ``GatewayConfiguration/Timeouts/verification``.
  public static func rendered(
    _ contentType: String, lasting: Duration = .seconds(1), _ body: @escaping @Sendable () -> [UInt8]
  ) -> LocalDocument {
    LocalDocument(contentType: contentType, source: .rendered(lasting: lasting, body))
  }
}

/// A response that the gateway makes itself. Its body is shared by all that it is sent to.
struct LocalReply: Sendable {
  var status = 200
  var contentType: String
  var body: ByteBuffer

  init(status: Int = 200, contentType: String, body: ByteBuffer) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  /// - Parameter json: Written out once, not when somebody asks.
  init(status: Int = 200, json: String) {
    self.init(status: status, contentType: "application/json", body: ByteBuffer(string: json))
  }
}

/// Where a response of the gateway's own comes from.
struct LocalResponse: Sendable {
  enum Answer: Sendable {
    /// At hand: it costs nothing to speak of.
    case now(@Sendable () -> LocalReply)
    /// Perhaps in a moment.
    case later(RenderedDocument)
  }
  var path: String
  var answer: Answer

  init(path: String, now reply: @escaping @Sendable () -> LocalReply) {
    self.path = path
    answer = .now(reply)
  }

  /// - Parameter now: Nanoseconds of the monotonic clock.
  init(path: String, _ document: LocalDocument, now: @escaping @Sendable () -> Int64) {
    self.path = path
    switch document.source {
    case .fixed(let body):
      let reply = LocalReply(contentType: document.contentType, body: body)
      answer = .now { reply }
    case .rendered(let lasting, let body):
      answer = .later(
        RenderedDocument(contentType: document.contentType, lasting: lasting.nanoseconds, now: now, body))
    }
  }
}
