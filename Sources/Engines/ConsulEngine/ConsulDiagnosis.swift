import Foundation
import NIOCore

/// What an agent says of itself and of whoever asks: for people who look for a fault.
public struct ConsulDiagnosis: Sendable {
  /// nil where the token may not read it.
  public var version: String?
  /// What is wrong, in the order in which it should be mended.
  public var faults: [Fault]

  public enum Fault: Sendable {
    /// No server leads: registrations and settings cannot be written.
    case noLeader(String)
    /// The token is unknown, or there is none and one is needed.
    case token(String)
    /// Settings cannot be read.
    case settings(String)
  }

  /// - Throws: ``ConsulError`` when the agent does not answer.
  public static func of(_ agent: ConsulAgent, prefix: String) async throws -> ConsulDiagnosis {
    let (client, timeout) = (agent.client, agent.settings.requestTimeout)
    var diagnosis = ConsulDiagnosis(version: nil, faults: [])
    let leader = try await client.send(.get, "/v1/status/leader", timeout: timeout)
    if leader.body.readableBytes <= 2 { diagnosis.faults.append(.noLeader("\(client.address) has no leader")) }
    do {
      let answer = try await client.send(.get, "/v1/agent/self", timeout: timeout)
      diagnosis.version = try answer.decode(Agent.self, of: "the agent's description").config.version
    } catch let error as ConsulError where error.code == .denied {
      // Nothing that the platform needs; what it needs is asked for below.
    }
    do {
      // Of the anonymous token, too, where there is access control.
      _ = try await client.send(.get, "/v1/acl/token/self", timeout: timeout)
    } catch let error as ConsulError where error.code == .denied {
      // Without access control this is refused as well, with another text.
      if !error.description.contains("support disabled") { diagnosis.faults.append(.token(error.description)) }
    }
    do {
      _ = try await client.send(
        .get, "/v1/kv/" + prefix, [("recurse", "true")], missing: true, timeout: timeout)
    } catch let error as ConsulError where error.code != .unreachable {
      diagnosis.faults.append(.settings(error.description))
    }
    return diagnosis
  }

  private struct Agent: Decodable {
    private enum CodingKeys: String, CodingKey { case config = "Config" }
    var config: Config
    struct Config: Decodable {
      private enum CodingKeys: String, CodingKey { case version = "Version" }
      var version: String
    }
  }
}
