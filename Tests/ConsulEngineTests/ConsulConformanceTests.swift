import ConsulEngine
import Logging
import NIOPosix
import RegistryConformance
import Testing

@Suite("Consul as a Registry", .enabled(if: TestAgent.url != nil, TestAgent.missing))
struct ConsulConformanceTests {
  @Test("conforms", .timeLimit(.minutes(2)), arguments: ConformanceCase.all)
  func conforms(_ conformance: ConformanceCase) async throws {
    let address = try TestAgent.address
    try await conformance.run(
      on: EngineUnderTest(isShared: true) {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let agent = try ConsulAgent(
          ConsulSettings(address: address), eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
        let registry = ConsulRegistry(agent, logger: logger)
        return .init(registry: registry, services: [agent, registry]) { try await agent.shutdown() }
      })
  }
}
