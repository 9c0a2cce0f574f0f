import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOPosix
import Synchronization

/// What stands before several gateways: it asks each whether it is ready, several times a second, and sends a request to
/// one that is. What was sent is never sent again, so a request that a gateway drops is seen by the client.
final class Balancer: Sendable {
  private struct State {
    var ready: Set<String>
    var turn = 0
  }
  private let gateways: [String]
  private let state: Mutex<State>
  /// One for all of them: it is never shut down.
  private static let http: HTTPClient = {
    var configuration = HTTPClient.Configuration(timeout: .init(connect: .seconds(2), read: .seconds(30)))
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
  }()

  init(_ gateways: [String]) {
    self.gateways = gateways
    state = Mutex(State(ready: Set(gateways)))
  }

  /// Until the task is cancelled.
  func watch() async {
    while !Task.isCancelled {
      for gateway in gateways {
        let reply = try? await Self.http.execute(
          HTTPClientRequest(url: gateway + "/health/ready"), timeout: .seconds(1))
        if let reply { _ = try? await reply.body.collect(upTo: 1 << 20) }
        let isReady = reply?.status == .ok
        state.withLock { state in
          if isReady { state.ready.insert(gateway) } else { state.ready.remove(gateway) }
        }
      }
      try? await Task.sleep(for: .milliseconds(50))
    }
  }

  private func next() -> String? {
    state.withLock { state in
      state.turn += 1
      let ready = gateways.filter(state.ready.contains)
      return ready.isEmpty ? nil : ready[state.turn % ready.count]
    }
  }

  struct NoGateway: Error {}

  func send(
    _ method: String, _ path: String, _ body: [String: any Sendable]? = nil, token: String? = nil,
    headers: [(String, String)] = []
  ) async throws -> Visitor.Reply {
    guard let gateway = next() else { throw NoGateway() }
    var request = HTTPClientRequest(url: gateway + path)
    request.method = HTTPMethod(rawValue: method)
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
    if let body {
      request.headers.replaceOrAdd(name: "content-type", value: "application/json")
      request.body = .bytes(ByteBuffer(data: try JSONSerialization.data(withJSONObject: body, options: .sortedKeys)))
    }
    let response = try await Self.http.execute(request, timeout: .seconds(30))
    let data = Data(buffer: try await response.body.collect(upTo: 8 << 20))
    return Visitor.Reply(status: Int(response.status.code), headers: response.headers, body: data)
  }
}
