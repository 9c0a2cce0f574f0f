import Foundation

/// Where Consul's agent is and how it is spoken to, as Consul's own tools read it from the environment.
public struct ConsulAddress: Sendable, Equatable, CustomStringConvertible {
  public var isSecure: Bool
  /// A name or an address; an IPv6 address without brackets.
  public var host: String
  public var port: Int
  /// A file of certificates in PEM that are trusted instead of the system's.
  public var certificates: String?
  /// Goes along in `X-Consul-Token`, and into no text.
  public var token: ConsulToken?

  public init(
    host: String, port: Int = 8500, isSecure: Bool = false, token: ConsulToken? = nil, certificates: String? = nil
  ) {
    self.host = host
    self.port = port
    self.isSecure = isSecure
    self.token = token
    self.certificates = certificates
  }

  /// - Parameters:
  ///   - text: `CONSUL_HTTP_ADDR`: `HOST:PORT`, or a URL with `http` or `https` and no path.
  ///   - isSecure: `CONSUL_HTTP_SSL`; a scheme in `text` goes before it.
  ///   - token: `CONSUL_HTTP_TOKEN`.
  ///   - certificates: `CONSUL_CACERT`.
  /// - Throws: ``Malformed`` with what was expected.
  public init(
    _ text: String, isSecure: Bool = false, token: String? = nil, certificates: String? = nil
  ) throws(Malformed) {
    let hasScheme = text.contains("://")
    let url = URLComponents(string: hasScheme ? text : "\(isSecure ? "https" : "http")://\(text)")
    guard let url, let scheme = url.scheme, ["http", "https"].contains(scheme), let host = url.host, !host.isEmpty,
      ["", "/"].contains(url.path), url.query == nil, url.user == nil, url.port.map((1...65_535).contains) ?? true
    else {
      throw Malformed("write HOST:PORT, http://HOST:PORT or https://HOST:PORT; sockets of files are not taken")
    }
    self.init(
      host: host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host, port: url.port ?? 8500,
      isSecure: scheme == "https", token: token.flatMap { $0.isEmpty ? nil : ConsulToken($0) },
      certificates: certificates)
  }

  public struct Malformed: Error, Sendable, CustomStringConvertible {
    public var description: String
    init(_ description: String) { self.description = description }
  }

  public var description: String {
    "\(isSecure ? "https" : "http")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }
}

/// A secret of Consul's access control. Its text is for the header alone.
public struct ConsulToken: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
  let secret: String
  public init(_ secret: String) { self.secret = secret }
  public var description: String { "(secret)" }
  public var debugDescription: String { "(secret)" }
}

extension ConsulToken: CustomReflectable {
  /// `dump` and failed expectations look inside of values; here is nothing to see.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
