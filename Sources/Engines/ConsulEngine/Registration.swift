import Foundation
import GravityDiscovery

/// What `PUT /v1/agent/service/register` takes.
struct Registration: Encodable {
  private enum CodingKeys: String, CodingKey {
    case id = "ID"
    case name = "Name"
    case tags = "Tags"
    case address = "Address"
    case port = "Port"
    case meta = "Meta"
    case weights = "Weights"
    case check = "Check"
  }
  var id: String
  var name: String
  var tags: [String]
  var address: String
  var port: Int
  var meta: [String: String]
  var weights: [String: Int]
  var check: Check

  struct Check: Encodable {
    private enum CodingKeys: String, CodingKey {
      case name = "Name"
      case url = "HTTP"
      case interval = "Interval"
      case timeout = "Timeout"
      case status = "Status"
      case deregisterAfter = "DeregisterCriticalServiceAfter"
      case skipsVerification = "TLSSkipVerify"
    }
    var name = "ready"
    var url: String
    var interval: String
    var timeout: String
    /// It registers when it listens, so it is used at once, and not only when the agent first looks: up to a whole
    /// interval later.
    var status = "passing"
    var deregisterAfter: String
    /// Its certificate is for the platform's public name, not for the address at which the agent looks.
    var skipsVerification: Bool?
  }

  init(_ instance: ServiceInstance, _ settings: ConsulSettings) {
    id = instance.id
    name = instance.service
    let tags = [instance.version.map { "version-\($0)" }, instance.zone.map { "zone-\($0)" }]
    self.tags = ["gravity"] + tags.compactMap { $0 }
    address = instance.host
    port = instance.port
    var meta: [String: String] = [:]
    meta["version"] = instance.version
    meta["zone"] = instance.zone
    self.meta = meta
    // An instance that warns is not used.
    weights = ["Passing": instance.weight, "Warning": 1]
    check = Check(
      url: instance.baseURL + "/health/ready", interval: settings.checkInterval.consul,
      timeout: settings.checkTimeout.consul, deregisterAfter: settings.deregisterAfter.consul,
      skipsVerification: instance.usesTLS ? true : nil)
  }
}

extension Duration {
  /// As Consul reads durations.
  var consul: String { "\(Int(self / .milliseconds(1)))ms" }
}
