import GravityDiscovery

/// An instance as `/v1/health/service/:service` describes it.
struct HealthEntry: Decodable, Sendable {
  private enum CodingKeys: String, CodingKey {
    case node = "Node"
    case service = "Service"
    case checks = "Checks"
  }
  var node: Node
  var service: Registered
  var checks: [Check]

  struct Node: Decodable, Sendable {
    private enum CodingKeys: String, CodingKey { case address = "Address" }
    var address: String
  }

  struct Registered: Decodable, Sendable {
    private enum CodingKeys: String, CodingKey {
      case id = "ID"
      case name = "Service"
      case address = "Address"
      case port = "Port"
      case meta = "Meta"
      case weights = "Weights"
    }
    var id: String
    var name: String
    var address: String?
    var port: Int
    var meta: [String: String]?
    var weights: Weights?

    struct Weights: Decodable, Sendable {
      private enum CodingKeys: String, CodingKey { case passing = "Passing" }
      var passing: Int
    }
  }

  struct Check: Decodable, Sendable {
    private enum CodingKeys: String, CodingKey { case status = "Status" }
    var status: String
  }

  var isPassing: Bool { checks.allSatisfy { $0.status == "passing" } }

  /// nil for what cannot be connected to, which somebody else has registered.
  var instance: ServiceInstance? {
    // A service without an address of its own is at its node's.
    let host = service.address.flatMap { $0.isEmpty ? nil : $0 } ?? node.address
    guard !host.isEmpty, (1...65_535).contains(service.port) else { return nil }
    return ServiceInstance(
      id: service.id, service: service.name, host: host, port: service.port, version: service.meta?["version"],
      zone: service.meta?["zone"], weight: min(max(service.weights?.passing ?? 100, 1), 1_000),
      speaksHTTP2: service.meta?["protocol"] == "h2c")
  }
}
