import Foundation
public import GravityDiscovery
public import Logging
public import ServiceLifecycle
import Synchronization

/// Consul as a ``Registry``, over its agent's HTTP API (tested with 1.8).
///
/// It has to run, as has its agent, and to outlive whatever registers with it and listens to it. Each service that somebody listens for is
/// watched by one blocking query; each instance that was registered is looked after until it is taken out.
public final class ConsulRegistry: Registry, Service {
  let agent: ConsulAgent
  let logger: Logger
  let board = InstanceBoard()
  private let keepers = Mutex<[String: RegistrationKeeper]>([:])
  private let (kept, keptContinuation) = AsyncStream.makeStream(of: RegistrationKeeper.self)

  public init(_ agent: ConsulAgent, logger: Logger) {
    self.agent = agent
    self.logger = logger
  }

  public var departure: Duration { agent.settings.departure }

  /// Registers with a health check of `/health/ready`. The instance counts as passing from the start, so it has to
  /// listen already.
  ///
  /// - Throws: ``ConsulError`` when the agent did not take it; it is tried again, as long as the registry runs, until
  ///   ``deregister(id:)``.
  public func register(_ instance: ServiceInstance) async throws {
    let keeper = RegistrationKeeper(instance)
    // Of two with one id, one that writes: the old one first has to be still.
    while let old = keepers.withLock({ $0.removeValue(forKey: instance.id) }) { await old.end() }
    keepers.withLock { $0[instance.id] = keeper }
    // A first try here, so that whoever waits knows; the keeper begins with a look at what came of it.
    defer { keptContinuation.yield(keeper) }
    try await RegistrationKeeper.register(instance, agent)
  }

  /// - Throws: ``ConsulError`` when the agent did not hear of it; its health check takes the instance out then.
  public func deregister(id: String) async throws {
    guard let keeper = keepers.withLock({ $0.removeValue(forKey: id) }) else { return }
    await keeper.end()
    _ = try await agent.client.send(
      .put, "/v1/agent/service/deregister/\(id)", missing: true, timeout: agent.settings.requestTimeout)
  }

  public func instances(of service: String) -> AsyncStream<[ServiceInstance]> { board.instances(of: service) }

  /// Watches and looks after registrations until shutdown, then takes out what is still registered.
  public func run() async throws {
    await cancelWhenGracefulShutdown { [self] in
      await withDiscardingTaskGroup { group in
        group.addTask {
          await withDiscardingTaskGroup { keepers in
            for await keeper in self.kept {
              keepers.addTask { await keeper.run(self.agent, self.logger) }
            }
          }
        }
        for await service in board.wanted {
          group.addTask { await self.watch(service) }
        }
      }
    }
    await leave()
  }

  /// Whoever registered should have taken itself out; what did not shall not stay until its checks fail.
  private func leave() async {
    await withDiscardingTaskGroup { group in
      for id in keepers.withLock({ Array($0.keys) }) {
        group.addTask {
          do { try await self.deregister(id: id) } catch {
            self.logger.warning("cannot deregister", metadata: ["error.message": "\(error)"])
          }
        }
      }
    }
  }
}
