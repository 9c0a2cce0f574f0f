import GravityContracts
import Hummingbird
import NIOCore
import ServiceLifecycle

/// Server-sent events as they are written to a connection.
enum EventStreamBody {
  /// Events that wait for a client that reads slowly; one more ends the stream, and the client comes back.
  static let greatestBacklog = 1_024

  /// - Parameters:
  ///   - heartbeat: How often a client that hears nothing is written to, which also finds one that is gone.
  ///   - mayGoOn: Asked with each heartbeat; the stream ends when it is false.
  static func body(
    _ events: AsyncStream<ServerSentEvent>, heartbeat: Duration, _ deadline: ReadingDeadline,
    while mayGoOn: @escaping @Sendable () async -> Bool
  ) -> ResponseBody {
    ResponseBody { writer in
      let (texts, feed) = AsyncStream.makeStream(
        of: String.self, bufferingPolicy: .bufferingOldest(greatestBacklog))
      // At once: the client is to know that it is heard.
      feed.yield(ServerSentEvent.heartbeat)
      let source = Task {
        // A server that is to end does not wait for a stream that has no end.
        await cancelWhenGracefulShutdown {
          for await event in events { if case .dropped = feed.yield(event.encoded) { break } }
        }
        feed.finish()
      }
      let beats = Task {
        while (try? await Task.sleep(for: heartbeat)) != nil, await mayGoOn() { feed.yield(ServerSentEvent.heartbeat) }
        feed.finish()
      }
      defer {
        source.cancel()
        beats.cancel()
      }
      for await text in texts {
        try await deadline.write(ByteBuffer(string: text)) { try await writer.write($0) }
      }
      try await deadline.run { try await writer.finish(nil) }
    }
  }
}
