import Gateway
import GravityDiscovery
import GravityService

/// What the gateway speaks with its clients.
extension Settings {
  static let tlsCertificate = Setting(
    text: "gravity.gateway.tls.certificate",
    "a file in PEM, the gateway's own certificate first: its port speaks TLS. Looked at every five seconds; needs the key"
  )
  static let tlsKey = Setting(
    text: "gravity.gateway.tls.key", "a file in PEM with the certificate's private key, not encrypted")
  static let tlsMinimum = Setting<TLSSettings.Version>(
    "gravity.gateway.tls.minimum", "the oldest version of TLS that the gateway speaks", standard: .tls12,
    expected: "1.2 or 1.3"
  ) { TLSSettings.Version(rawValue: $0) }
  static let gatewayHTTP2 = Setting(
    flag: "gravity.gateway.http2",
    "whether clients may speak HTTP/2 with the gateway: by ALPN over TLS, else by prior knowledge", standard: true)

  static let shedding = Setting(
    flag: "gravity.gateway.shedding",
    "whether a service that answers too slowly is asked for less, and what is beyond that is refused with 503",
    standard: true)

  static let upstreamIdle = Setting(
    duration: "gravity.gateway.upstream.idle",
    "how long the gateway keeps an unused connection to a service: less than the service does, which is 5s with Node.js",
    standard: .seconds(55), in: .seconds(1)...(.seconds(3_600)))

  static let edge: [any AnySetting] = [tlsCertificate, tlsKey, tlsMinimum, gatewayHTTP2, shedding, upstreamIdle]
}

extension LayeredConfiguration {
  /// nil where the gateway takes plain HTTP.
  ///
  /// - Throws: `StartFailure` where one of the two files is named without the other.
  func gatewayTLS() throws -> TLSSettings? {
    let (certificate, key) = (try optional(Settings.tlsCertificate), try optional(Settings.tlsKey))
    guard let certificate, let key else {
      guard certificate == nil, key == nil else {
        let (given, missing) = certificate == nil ? ("KEY", "CERTIFICATE") : ("CERTIFICATE", "KEY")
        throw StartFailure(
          .configuration,
          "GRAVITY_GATEWAY_TLS_\(given) is set and GRAVITY_GATEWAY_TLS_\(missing) is not; TLS needs both, plain HTTP neither"
        )
      }
      return nil
    }
    var settings = TLSSettings(certificateFile: certificate, keyFile: key)
    settings.minimumVersion = try value(Settings.tlsMinimum)
    return settings
  }
}

extension PlatformConfiguration {
  /// What a gateway of the platform and one alone have in common.
  func edge(host: String, port: Int) throws -> GatewayConfiguration {
    var gateway = GatewayConfiguration(host: host, port: port)
    gateway.accessLog = try layers.value(Settings.accessLog)
    gateway.drainTimeout = drainTimeout
    gateway.trustedProxies = try layers.outerProxies()
    gateway.zone = try layers.optional(Settings.zone)
    gateway.tls = try layers.gatewayTLS()
    gateway.http2.isEnabled = try layers.value(Settings.gatewayHTTP2)
    gateway.concurrency.isOn = try layers.value(Settings.shedding)
    gateway.timeouts.upstreamKeepAlive = try layers.value(Settings.upstreamIdle)
    return gateway
  }

  /// How the gateway is reached.
  var gatewayScheme: String { layers.origin(of: Settings.tlsCertificate).layer == "default" ? "http" : "https" }
}

extension StartFailure {
  init(_ error: TLSFileError) {
    let name =
      switch error.file {
      case .certificate: "CERTIFICATE"
      case .key: "KEY"
      }
    self.init(.configuration, "GRAVITY_GATEWAY_TLS_\(name): \(error)")
  }
}
