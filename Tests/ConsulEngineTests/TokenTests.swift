import Foundation
import GravityDiscovery
import NIOPosix
import Patience
import RegistryConformance
import Testing

@testable import ConsulEngine

/// An agent that lets nobody do anything without a token.
@Suite("Consul's access control", .enabled(if: TestAgent.url != nil, TestAgent.missing), .timeLimit(.minutes(3)))
struct TokenTests {
  @Test("without a token it is denied and said so; with one it works; no log has it")
  func tokens() async throws {
    let token = UUID().uuidString.lowercased()
    try await PrivateConsul.with(masterToken: token) { agent in
      var allowed = agent.address
      allowed.token = ConsulToken(token)
      try await eventually("the token is in force") { [allowed] in
        (try? await Operator(address: allowed).send("GET", "/v1/acl/token/self"))?.status == 200
      }
      let server = try await ReadyServer("auth")
      try await RunningRegistry.with(agent.address) { running in
        let error = await #expect(throws: ConsulError.self) { try await running.registry.register(server.instance) }
        #expect(error?.code == .denied)
        try await eventually("it is told") { running.log.text.contains("cannot see to the registration") }
      }
      try await RunningRegistry.with(allowed) { running in
        try await running.following("auth") { followed in
          try await running.registry.register(server.instance)
          try await followed.isNow([server.instance.id])
        }
        #expect(!running.log.text.contains(token))
      }
      let unknown = ConsulAddress(
        host: agent.address.host, port: agent.address.port, token: ConsulToken(UUID().uuidString.lowercased()))
      let denied = await #expect(throws: ConsulError.self) {
        try await ConsulAgent.with(
          ConsulSettings(address: unknown), eventLoopGroup: MultiThreadedEventLoopGroup.singleton
        ) { _ = try await ConsulConfiguration.values($0, prefix: "gravity/config", settings: []) }
      }
      #expect(denied?.code == .denied)
      try await diagnoses(agent.address, allowed, unknown)
      await server.close()
    }
  }

  private func diagnoses(_ none: ConsulAddress, _ allowed: ConsulAddress, _ unknown: ConsulAddress) async throws {
    func diagnosis(_ address: ConsulAddress) async throws -> ConsulDiagnosis {
      try await ConsulAgent.with(
        ConsulSettings(address: address), eventLoopGroup: MultiThreadedEventLoopGroup.singleton
      ) { try await ConsulDiagnosis.of($0, prefix: "gravity/config/") }
    }
    let good = try await diagnosis(allowed)
    #expect(good.faults.isEmpty && good.version?.hasPrefix("1.") == true)
    guard case .token(let text)? = try await diagnosis(unknown).faults.first else {
      Issue.record("an unknown token is a fault")
      return
    }
    #expect(text.contains("ACL not found"))
    #expect(try await diagnosis(none).version == nil, "which nobody may read without one")
  }
}
