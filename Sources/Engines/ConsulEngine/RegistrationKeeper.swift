import Foundation
import GravityDiscovery
import GravityData
import Logging
import Synchronization

/// Sees to it that one instance stays registered: the agent may start anew without its memory, or forget an instance
/// whose checks failed for too long.
final class RegistrationKeeper: Sendable {
  private struct State {
    var phase = Phase.waiting
    var isWanted = true
    /// Between two looks.
    var sleep: Task<Void?, Never>?
  }
  private enum Phase { case waiting, running, ended }

  let instance: ServiceInstance
  private let state = Mutex(State())
  private let (ended, endedContinuation) = AsyncStream.makeStream(of: Void.self)

  init(_ instance: ServiceInstance) { self.instance = instance }

  /// Returns once it writes nothing any more.
  func end() async {
    let isRunning = state.withLock { state in
      state.isWanted = false
      state.sleep?.cancel()
      if state.phase == .waiting { state.phase = .ended }
      return state.phase == .running
    }
    if isRunning { for await _ in ended {} }
  }

  func run(_ agent: ConsulAgent, _ logger: Logger) async {
    let mayRun = state.withLock { state in
      guard state.phase == .waiting else { return false }
      state.phase = .running
      return true
    }
    guard mayRun else { return }
    await keep(agent, logger)
    state.withLock { $0.phase = .ended }
    endedContinuation.finish()
  }

  private var isWanted: Bool { state.withLock { $0.isWanted } && !Task.isCancelled }

  private func keep(_ agent: ConsulAgent, _ logger: Logger) async {
    var backoff = Backoff(first: agent.settings.firstPause, greatest: agent.settings.greatestPause)
    while isWanted {
      var pause = agent.settings.lookInterval * Double.random(in: 0.9...1.1)
      do {
        // A write that was begun is never broken off: nobody would know whether it takes effect after that of the end.
        if try await !isKnown(agent), isWanted {
          try await Self.register(instance, agent)
          logger.notice(
            "registered again: the agent did not know it", metadata: ["service.node.name": "\(instance.id)"])
        }
        backoff.succeeded()
      } catch {
        if Task.isCancelled { return }
        pause = backoff.next()
        if backoff.failures == 1, let error = error as? ConsulError, error.code != .unreachable {
          logger.warning(
            "cannot see to the registration",
            metadata: ["service.node.name": "\(instance.id)", "error.message": "\(error)"])
        }
      }
      await waitWhileWanted(pause)
    }
  }

  /// Ends early when the instance is to go.
  private func waitWhileWanted(_ pause: Duration) async {
    let sleep = Task { try? await Task.sleep(for: pause) }
    let isOver = state.withLock { state in
      state.sleep = sleep
      return !state.isWanted
    }
    if isOver { sleep.cancel() }
    await withTaskCancellationHandler {
      await sleep.value
    } onCancel: {
      sleep.cancel()
    }
  }

  /// Asked again and again: Consul 1.8 does not end a blocking query by hash when the service is removed.
  private func isKnown(_ agent: ConsulAgent) async throws -> Bool {
    try await agent.client.send(
      .get, "/v1/agent/service/\(instance.id)", missing: true, timeout: agent.settings.requestTimeout
    ).status != 404
  }

  static func register(_ instance: ServiceInstance, _ agent: ConsulAgent) async throws {
    _ = try await agent.client.send(
      .put, "/v1/agent/service/register", [("replace-existing-checks", "true")],
      body: try JSONEncoder().encode(Registration(instance, agent.settings)), timeout: agent.settings.requestTimeout)
  }
}
