public import Logging
public import NIOCore
public import ServiceLifecycle

/// One agent, and the connections to it that whatever uses Consul in this process has in common.
///
/// As a service it asks whether the agent lives; it has to run beside whatever watches something. Whoever made it shuts
/// it down, whether it ever ran or not.
public final class ConsulAgent: Service {
  public let settings: ConsulSettings
  let client: ConsulClient
  let pulse = ConsulPulse()
  let logger: Logger

  /// - Throws: ``ConsulError`` when the file of certificates cannot be read.
  public init(_ settings: ConsulSettings, eventLoopGroup: any EventLoopGroup, logger: Logger) throws {
    self.settings = settings
    self.logger = logger
    client = try ConsulClient(settings.address, eventLoopGroup)
  }

  /// An agent for as long as `body` takes, for questions that are asked once.
  public static func with<Result>(
    _ settings: ConsulSettings, eventLoopGroup: any EventLoopGroup, _ body: (ConsulAgent) async throws -> Result
  ) async throws -> Result {
    let agent = try ConsulAgent(
      settings, eventLoopGroup: eventLoopGroup, logger: Logger(label: "consul") { _ in SwiftLogNoOpLogHandler() })
    let result: Result
    do { result = try await body(agent) } catch {
      try await agent.shutdown()
      throw error
    }
    try await agent.shutdown()
    return result
  }

  /// Why it cannot be asked at the moment; nil while it answers.
  public var trouble: ConsulError? { pulse.trouble }

  public func run() async throws {
    await cancelWhenGracefulShutdown { [self] in await pulse.run(client, settings, logger) }
  }

  /// Closes the connections. Nothing may be asked after that.
  public func shutdown() async throws { try await client.shutdown() }
}
