import AsyncHTTPClient
import Foundation
import GravityService
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Whether each part can listen where it would.
enum PortFindings {
  static func all(_ configuration: PlatformConfiguration) async -> [Finding] {
    let all = [("gateway", Catalog.gatewayPort)] + Catalog.services.map { ($0.name, $0.port) }
    var findings: [Finding] = []
    for (name, standard) in all {
      let port = configuration.port(standard)
      do {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
          .serverChannelOption(.socketOption(.so_reuseaddr), value: 1).bind(host: configuration.host, port: port).get()
        try await channel.close()
        findings.append(Finding("port", "port \(port) for \(name): free"))
      } catch {
        if await isGravity(configuration, port) {
          findings.append(Finding("port", "port \(port) for \(name): taken by a gravity that runs"))
          continue
        }
        findings.append(
          Finding(
            "port", StartFailure(listeningOn: configuration.host, port: port, error).description,
            remedy: "stop what has it, or let --port-offset move every port"))
      }
    }
    return findings
  }

  /// Whether what listens there answers as our parts do.
  private static func isGravity(_ configuration: PlatformConfiguration, _ port: Int) async -> Bool {
    // A gateway may speak TLS, with a certificate for another name; it is told nothing, so whose it is does not matter.
    var unverified = HTTPClient.Configuration()
    unverified.tlsConfiguration = .makeClientConfiguration()
    unverified.tlsConfiguration?.certificateVerification = .none
    let client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: unverified)
    var isOurs = false
    for scheme in ["http", "https"] where !isOurs {
      let request = HTTPClientRequest(url: "\(scheme)://\(configuration.reachedHost):\(port)/health/live")
      isOurs = (try? await client.execute(request, timeout: .seconds(1)))?.status == .ok
    }
    try? await client.shutdown()
    return isOurs
  }
}
