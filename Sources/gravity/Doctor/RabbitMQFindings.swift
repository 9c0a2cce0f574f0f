import Foundation
import GravityDiscovery
import GravityEvents
import RabbitMQEngine

/// The RabbitMQ server. Events through the database need nothing more than that.
enum RabbitMQFindings {
  static func all(_ configuration: PlatformConfiguration) async -> [Finding] {
    guard let url = try? configuration.layers.optional(Settings.amqpURL) else { return [] }
    let examination: RabbitMQServer.Examination
    do throws(BrokerError) { examination = try await RabbitMQServer.examine(url: url) } catch {
      return [
        Finding(
          subject, "RabbitMQ: \(error.description)",
          remedy: "write GRAVITY_AMQP_URL as amqp://USER:PASSWORD@HOST:5672/VHOST")
      ]
    }
    var findings: [Finding] = []
    if let version = examination.version, isOld(version) {
      findings.append(
        Finding(
          subject, "RabbitMQ \(version) is older than 3.10, so it does not keep dead letters safe",
          remedy: "upgrade the server to 3.10 or later"))
    }
    if let trouble = examination.trouble {
      findings.append(Finding(subject, "RabbitMQ: \(trouble.text)", remedy: remedy(for: trouble)))
    } else {
      findings.append(Finding(subject, "RabbitMQ \(examination.version ?? "of an unknown version"): takes events"))
    }
    return findings + exposure(url)
  }

  private static let subject = "rabbitmq"

  /// Quorum queues that dead-letter at least once came with 3.10.
  static func isOld(_ version: String) -> Bool {
    let numbers = version.split(separator: ".").map { Int($0.prefix { $0.isNumber }) ?? 0 }
    guard let major = numbers.first else { return false }
    return (major, numbers.count > 1 ? numbers[1] : 0) < (3, 10)
  }

  private static func remedy(for trouble: RabbitMQServer.Trouble) -> String {
    switch trouble.step {
    case .connect: "check that RabbitMQ runs and that GRAVITY_AMQP_URL names its host and port"
    case .logIn:
      "check user, password and virtual host in GRAVITY_AMQP_URL (rabbitmqctl list_users, list_vhosts); guest may only "
        + "log in from the server's own machine"
    case .declareExchange, .declareQueue:
      "rabbitmqctl set_permissions -p VHOST USER '.*' '.*' '.*'"
    }
  }

  private static func exposure(_ url: String) -> [Finding] {
    guard let host = ServerHost(url), !host.isLoopback, let components = URLComponents(string: url) else { return [] }
    var findings: [Finding] = []
    if components.user ?? "guest" == "guest" {
      findings.append(
        Finding(
          subject, "RabbitMQ: the user guest, whose password everybody knows, is used over the network",
          remedy: "rabbitmqctl add_user and set_permissions for a user of the platform's own, then delete_user guest"))
    }
    if components.scheme?.lowercased() == "amqp" {
      findings.append(
        Finding(
          subject, "RabbitMQ: what goes to \(host.name) is not encrypted",
          remedy: "write GRAVITY_AMQP_URL as amqps://…:5671/VHOST?cacertfile=FILE"))
    }
    return findings
  }
}
