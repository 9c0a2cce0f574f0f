import ConsulEngine
import GravityDiscovery
import NIOPosix

/// Consul's agent, where one is named. It tells no time, and nothing here depends on it.
enum ConsulFindings {
  static func all(_ configuration: PlatformConfiguration) async -> [Finding] {
    do {
      guard let settings = try RunningConsul.settings(configuration.layers) else { return [] }
      let prefix = try configuration.layers.value(Settings.consulPrefix)
      let diagnosis = try await ConsulAgent.with(
        settings, eventLoopGroup: MultiThreadedEventLoopGroup.singleton
      ) { try await ConsulDiagnosis.of($0, prefix: prefix) }
      var findings = diagnosis.faults.map(finding)
      if findings.isEmpty {
        let version = diagnosis.version ?? "of an unknown version"
        findings.append(Finding(subject, "Consul \(version) at \(settings.address): answers, and has a leader"))
      }
      return try findings + exposure(configuration, settings.address)
    } catch {
      return [
        Finding(
          subject, "Consul: \(error)",
          remedy: "check that the agent runs, and that CONSUL_HTTP_ADDR, CONSUL_HTTP_SSL and CONSUL_CACERT say where")
      ]
    }
  }

  private static let subject = "consul"

  private static func finding(_ fault: ConsulDiagnosis.Fault) -> Finding {
    switch fault {
    case .noLeader(let text):
      Finding(subject, "Consul: \(text)", remedy: "see that most of its servers run and reach one another")
    case .token(let text):
      Finding(
        subject, "Consul: \(text)",
        remedy: "set CONSUL_HTTP_TOKEN to a token that may write services and read services, nodes and keys")
    case .settings(let text):
      Finding(subject, "Consul: \(text)", remedy: "give the token key_prefix:read below GRAVITY_CONSUL_PREFIX")
    }
  }

  private static func exposure(
    _ configuration: PlatformConfiguration, _ address: ConsulAddress
  ) throws -> [Finding] {
    var findings: [Finding] = []
    if try configuration.isWildcard && configuration.layers.optional(Settings.advertiseHost) == nil {
      findings.append(
        Finding(
          subject, "GRAVITY_ADVERTISE_HOST is not set, and nobody can connect to \(configuration.host)",
          remedy: "set it to the address at which others reach this machine"))
    }
    if !address.isSecure, address.token != nil, ServerHost("\(address)")?.isLoopback == false {
      findings.append(
        Finding(
          subject, "Consul: the token that goes to \(address.host) is not encrypted",
          remedy: "ask an agent on this machine, or write CONSUL_HTTP_ADDR as https://…"))
    }
    return findings
  }
}
