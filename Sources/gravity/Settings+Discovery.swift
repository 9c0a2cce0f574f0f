import ConsulEngine
import GravityDiscovery

/// Where services find one another, and where settings come from.
extension Settings {
  static let staticRegistry = Setting(
    text: "gravity.static.registry", "where services are, for serve: auth=HOST:PORT,HOST:PORT;user=HOST:PORT")
  static let dnsRegistry = Setting<String>(
    "gravity.dns.registry",
    "where services are, for serve, by names that resolve to every instance, as Kubernetes's headless services do",
    expected: "a name with {service} and a port, such as {service}.gravity-services.svc.cluster.local:{port}"
  ) { (try? DNSTemplate($0)) == nil ? nil : $0 }
  static let consulAddress = Setting<String>(
    "consul.http.addr", "Consul's agent, for serve: where services are, and settings (see discovery.md)",
    expected: "HOST:PORT, http://HOST:PORT or https://HOST:PORT"
  ) { (try? ConsulAddress($0)) == nil ? nil : $0 }
  static let consulToken = Setting(
    text: "consul.http.token", "what Consul's access control asks for", isSecret: true)
  static let consulTLS = Setting(flag: "consul.http.ssl", "whether Consul is spoken to over TLS", standard: false)
  static let consulCertificates = Setting(
    text: "consul.cacert", "a file of certificates in PEM that are trusted at Consul instead of the system's")
  static let consulPrefix = Setting(
    text: "gravity.consul.prefix",
    "where settings are in Consul's key-value store: log/level below it is GRAVITY_LOG_LEVEL",
    standard: "gravity/config/")
  static let advertiseHost = Setting(
    text: "gravity.advertise.host", "where others reach this process's services; unless it is set, GRAVITY_HOST")
  static let zone = Setting(text: "gravity.zone", "where this process runs, for its registration: a zone or a rack")
  static let weight = Setting(
    integer: "gravity.weight", "this process's share of the requests relative to others, for its registration",
    standard: 100, in: 1...1_000)

  static let departure = Setting<Duration>(
    "gravity.departure",
    "how long a service goes on accepting after it said that it leaves, for serve; 3s, and 0s on loopback, unless it is set",
    expected: "a duration from 0s to 5m, such as 3s"
  ) { DurationText.parse($0).flatMap { (.zero ... .seconds(300)).contains($0) ? $0 : nil } }

  static let discovery: [any AnySetting] =
    [staticRegistry, dnsRegistry, advertiseHost, zone, weight, departure] as [any AnySetting] + consul

  /// These say where the store is, so they do not come from it.
  static let consul: [any AnySetting] = [
    consulAddress, consulToken, consulTLS, consulCertificates, consulPrefix,
  ]

  /// Those that may stand in Consul.
  static var stored: [any AnySetting] {
    let own = Set(consul.map(\.key))
    return all.filter { !own.contains($0.key) }
  }
}
