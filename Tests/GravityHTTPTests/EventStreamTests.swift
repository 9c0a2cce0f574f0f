import Foundation
import GravityContracts
import GravityHTTP
import GravityIdentity
import GravityTelemetry
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct EventStreamTests {
  private static let news = Endpoint<Empty, EventStream>("news", .get, "/api/v1/news", access: .authenticated)

  /// A token that is good so many times.
  private final class Fading: TokenVerifier {
    private let left: Mutex<Int>
    let refusal: TokenRefusal.Code

    init(_ count: Int, _ refusal: TokenRefusal.Code) {
      left = Mutex(count)
      self.refusal = refusal
    }

    func verify(_ token: String) async throws(TokenRefusal) -> Principal {
      let isGood = left.withLock { left in
        left -= 1
        return left >= 0
      }
      guard isGood else { throw TokenRefusal(refusal, "faded") }
      return Principal(subject: "ada", tokenID: token, issuedAt: .distantPast, expiresAt: .distantFuture)
    }
  }

  @Test(
    "a stream ends when the token is good no more, or nobody can say whether it is",
    arguments: [TokenRefusal.Code.expired, .revoked, .unavailable])
  func ends(_ refusal: TokenRefusal.Code) async throws {
    var settings = Routes.Settings(verifier: Fading(3, refusal))
    settings.heartbeat = .milliseconds(2)
    var routes = Routes(settings)
    routes.stream(Self.news) { _, scope in
      let last = scope.header("Last-Event-ID") ?? "none"
      let (events, feed) = AsyncStream.makeStream(of: ServerSentEvent.self)
      feed.yield(ServerSentEvent("after", id: "8", data: last))
      // Nobody finishes it: only the token ends it.
      return AsyncStream { continuation in
        let task = Task { for await event in events { continuation.yield(event) } }
        continuation.onTermination = { _ in
          task.cancel()
          feed.finish()
        }
      }
    }
    let logger = Logger(label: "http") { _ in SwiftLogNoOpLogHandler() }
    let responder = try routes.build(
      declared: [Self.news], telemetry: HTTPTelemetry(logger: logger, metrics: PrometheusMetrics()))
    try await Application(responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: 0))).test(
      .live
    ) { client in
      let response = try await client.execute(
        uri: Self.news.path, method: .get,
        headers: [.authorization: "Bearer x", HTTPField.Name("Last-Event-ID")!: "7"])
      let text = String(buffer: response.body)
      #expect(response.status == .ok && text.contains("event: after\nid: 8\ndata: 7\n\n"))
      // One at once, and one for each time that the token was good.
      #expect(text.components(separatedBy: ServerSentEvent.heartbeat).count - 1 == 3)
      let again = try await client.execute(uri: Self.news.path, method: .get, headers: [.authorization: "Bearer x"])
      #expect(again.status.code == (refusal == .unavailable ? 503 : 401))
    }
  }
}
