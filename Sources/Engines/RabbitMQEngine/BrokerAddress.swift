import Foundation
import GravityEvents

/// Where and as whom to connect: `amqp://user:password@host:port/vhost`, as RabbitMQ's "URI Specification" has it.
struct BrokerAddress: Sendable {
  struct TLS: Sendable {
    /// A file of certificates in PEM; the system's when the URL names none, and nil when there is no such file.
    var authorities: String?
    var certificate: String?
    var key: String?
  }

  var host: String
  var port: Int
  var user: String
  var password: String
  var virtualHost: String
  var tls: TLS?
  var heartbeat: Duration?

  /// - Throws: ``BrokerError/invalid(_:)``, which never repeats the URL, since it may hold a password.
  init(_ url: String) throws(BrokerError) {
    guard let components = URLComponents(string: url, encodingInvalidCharacters: false),
      let scheme = components.scheme?.lowercased(), let host = components.host, !host.isEmpty
    else {
      throw .invalid("the RabbitMQ URL cannot be parsed: write it like amqp://user:password@host:5672/vhost")
    }
    guard scheme == "amqp" || scheme == "amqps" else {
      throw .invalid("a RabbitMQ URL begins with amqp:// or amqps://")
    }
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    port = components.port ?? (scheme == "amqps" ? 5671 : 5672)
    guard (1...65_535).contains(port) else { throw .invalid("the RabbitMQ URL has no valid port") }
    user = components.user ?? "guest"
    password = components.password ?? "guest"
    let path = components.percentEncodedPath.dropFirst()
    guard !path.contains("/"), let name = String(path).removingPercentEncoding else {
      throw .invalid("the virtual host in the RabbitMQ URL is no single name: write a / in it as %2F")
    }
    virtualHost = name.isEmpty ? "/" : name
    guard components.fragment == nil, ![user, password, virtualHost].contains(where: { $0.contains("\0") }) else {
      throw .invalid("the RabbitMQ URL has a # or a NUL in it: write # as %23")
    }
    if scheme == "amqps" { tls = TLS(authorities: Self.systemAuthorities) }
    for item in components.queryItems ?? [] { try apply(item) }
    guard (tls?.certificate == nil) == (tls?.key == nil) else {
      throw .invalid("a RabbitMQ URL names certfile and keyfile together")
    }
  }

  private mutating func apply(_ item: URLQueryItem) throws(BrokerError) {
    guard let value = item.value, !value.isEmpty else { throw .invalid("\(item.name) in the RabbitMQ URL is empty") }
    switch item.name {
    case "heartbeat":
      guard let seconds = Int(value), (1...3_600).contains(seconds) else {
        throw .invalid("heartbeat in the RabbitMQ URL is 1 to 3600 seconds")
      }
      heartbeat = .seconds(seconds)
    case "cacertfile", "certfile", "keyfile":
      guard tls != nil else { throw .invalid("\(item.name) wants an amqps:// URL") }
      switch item.name {
      case "cacertfile": tls?.authorities = value
      case "certfile": tls?.certificate = value
      default: tls?.key = value
      }
    default: throw .invalid("the RabbitMQ URL has an unknown parameter \(item.name)")
    }
  }

  /// Where Debian and Alpine, Fedora, openSUSE, and the BSDs and macOS keep them.
  private static let systemAuthorities: String? = {
    let files = [
      "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
      "/etc/ssl/cert.pem",
    ]
    let named = ProcessInfo.processInfo.environment["SSL_CERT_FILE"]
    return ([named].compactMap { $0 } + files).first { FileManager.default.isReadableFile(atPath: $0) }
  }()
}
