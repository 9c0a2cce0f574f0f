import GravityDiscovery
import Logging
import NIOCore
import Synchronization

/// Whether the agent lives. Blocking queries are silent for minutes, so it is asked something small every few seconds.
final class ConsulPulse: Sendable {
  private struct State {
    /// nil while it answers.
    var trouble: ConsulError?
    var listeners: [Int: AsyncStream<Void>.Continuation] = [:]
    var next = 0
  }
  private let state = Mutex(State())

  var trouble: ConsulError? { state.withLock { $0.trouble } }

  /// One element when the pulse is lost.
  func losses() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let id = state.withLock { state in
      state.next += 1
      state.listeners[state.next] = continuation
      return state.next
    }
    continuation.onTermination = { [weak self] _ in _ = self?.state.withLock { $0.listeners.removeValue(forKey: id) } }
    return stream
  }

  /// Asks until the task is cancelled.
  func run(_ client: ConsulClient, _ settings: ConsulSettings, _ logger: Logger) async {
    while !Task.isCancelled {
      do {
        let answer = try await client.send(.get, "/v1/status/leader", timeout: settings.requestTimeout)
        guard answer.body.readableBytes > 2 else {
          throw ConsulError(.refused, "Consul at \(client.address) has no leader")
        }
        note(nil, logger)
      } catch let error as ConsulError {
        note(error, logger)
      } catch { return }
      // While it is away it is asked often, since that costs nobody anything.
      let pause = trouble == nil ? settings.pulse : min(settings.pulse, .seconds(1))
      do { try await Task.sleep(for: pause * Double.random(in: 0.9...1.1)) } catch { return }
    }
  }

  /// Takes what was found out, by the pulse itself or by somebody who was refused.
  private func note(_ trouble: ConsulError?, _ logger: Logger) {
    let (before, listeners) = state.withLock { state in
      let before = state.trouble
      state.trouble = trouble
      return (before, trouble != nil && before == nil ? Array(state.listeners.values) : [])
    }
    for listener in listeners { listener.yield() }
    if let trouble, before == nil {
      logger.warning("Consul is away; what was known last stays in force", metadata: ["error.message": "\(trouble)"])
    } else if trouble == nil, before != nil {
      logger.notice("Consul is back")
    }
  }

  /// The result of `body`, unless the pulse is lost before it is there.
  func during<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
    let losses = losses()
    return try await withThrowingTaskGroup(of: Result.self) { group in
      group.addTask { try await body() }
      group.addTask { [self] in
        for await _ in losses { throw trouble ?? ConsulError(.unreachable, "Consul was away") }
        throw CancellationError()
      }
      defer { group.cancelAll() }
      guard let result = try await group.next() else { throw CancellationError() }
      return result
    }
  }
}
