import AsyncHTTPClient
import Foundation
import GravityService
import NIOCore
import NIOHTTP1
import NIOPosix

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
    let request = HTTPClientRequest(url: "http://\(configuration.reachedHost):\(port)/health/live")
    guard let response = try? await HTTPClient.shared.execute(request, timeout: .seconds(1)) else { return false }
    return response.status == .ok
  }
}
