import Foundation
import Logging

/// One key of Consul's key-value store, whatever stands there.
public struct ConsulKey: Sendable {
  private let agent: ConsulAgent
  private let key: String

  /// - Parameter key: `gravity/gateway/routes`, without a `/` in front.
  public init(_ key: String, _ agent: ConsulAgent) {
    self.agent = agent
    self.key = key
  }

  private struct Pair: Decodable {
    /// Base64; none where the value is empty.
    var Value: String?
  }

  /// What stands there now; nil where there is no such key.
  /// - Throws: ``ConsulError`` when it cannot be asked.
  public func value() async throws -> [UInt8]? {
    try read(await agent.client.send(.get, path, [], missing: true, timeout: agent.settings.requestTimeout))
  }

  /// Calls `take` with what stands there now, and then whenever it is another, until the task is cancelled; nil is no such
  /// key. While Consul is away nothing is told.
  public func follow(_ take: @escaping @Sendable ([UInt8]?) async -> Void) async {
    let (values, value) = AsyncStream.makeStream(of: [UInt8]?.self, bufferingPolicy: .bufferingNewest(1))
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        let query = BlockingQuery(path: path, [], missing: true, agent)
        await query.follow(
          wait: { agent.settings.wait },
          interrupted: { error in
            guard let error, error.code != .unreachable else { return }
            agent.logger.warning("cannot watch \(key) in Consul", metadata: ["error.message": "\(error)"])
          }, answered: { value.yield(try read($0)) })
        value.finish()
      }
      for await value in values { await take(value) }
    }
  }

  private var path: String { "/v1/kv/" + key }

  private func read(_ answer: ConsulClient.Answer) throws -> [UInt8]? {
    guard answer.status != 404, let pair = try answer.decode([Pair].self, of: key).first else { return nil }
    return Data(base64Encoded: pair.Value ?? "").map(Array.init)
  }
}
