import Crypto
import Foundation
import GravityContracts

/// What this platform is to authenticators (WebAuthn Level 3 §4): passkeys are bound to its domain, and browsers use
/// them at its origins only.
struct RelyingParty: Sendable, Hashable {
  /// A domain: the issuer's host, or one that it lies beneath.
  let id: String
  let idHash: [UInt8]
  /// As browsers write them (RFC 6454 §6.1), compared letter by letter.
  let origins: Set<String>

  init(id: String, origins: Set<String>) {
    self.id = id
    idHash = Array(SHA256.hash(data: Data(id.utf8)))
    self.origins = origins
  }
}

/// Whether people can have passkeys here: browsers bind them to domains, and give them to secure contexts only.
enum PasskeySupport: Sendable, Hashable {
  case party(RelyingParty)
  /// Why not; for whoever runs the platform.
  case unavailable(String)

  var party: RelyingParty? { if case .party(let party) = self { party } else { nil } }

  /// - Throws: `Problem` 409 where there are none.
  func required() throws -> RelyingParty {
    switch self {
    case .party(let party): return party
    case .unavailable(let reason):
      throw Problem(409, "passkeys_unavailable", "There are no passkeys on this platform", detail: reason)
    }
  }

  /// - Throws: ``AuthConfigurationError`` where a domain or an origin was set that cannot be one.
  init(_ configuration: AuthConfiguration) throws(AuthConfigurationError) {
    guard let issuer = WebOrigin(configuration.issuer) else {
      self = try Self.without("its issuer (GRAVITY_ISSUER) is no web address", configuration)
      return
    }
    guard !issuer.isAddress else {
      self = try Self.without(
        "its issuer (GRAVITY_ISSUER) is \(issuer.text), an IP address, and a passkey is bound to a domain: set it to "
          + "the platform's https address, or to http://localhost and the port on one's own machine", configuration)
      return
    }
    guard issuer.isSecure else {
      self = try Self.without(
        "its issuer (GRAVITY_ISSUER) is \(issuer.text), and browsers have passkeys at https and http://localhost only",
        configuration)
      return
    }
    let domain = configuration.passkeyDomain?.lowercased() ?? issuer.host
    guard issuer.isBeneath(domain) else {
      throw AuthConfigurationError(
        description: "passkey domain: \(domain) is neither \(issuer.host), the issuer's host, nor a domain above it")
    }
    var origins: Set = [issuer.text]
    for text in configuration.passkeyOrigins { origins.insert(try Self.origin(text, domain)) }
    self = .party(RelyingParty(id: domain, origins: origins))
  }

  /// What was set in vain is a mistake that is told.
  private static func without(
    _ reason: String, _ configuration: AuthConfiguration
  ) throws(AuthConfigurationError) -> PasskeySupport {
    guard configuration.passkeyDomain == nil, configuration.passkeyOrigins.isEmpty else {
      throw AuthConfigurationError(description: "passkey domain and origins: there can be no passkeys: \(reason)")
    }
    return .unavailable("There can be none: \(reason).")
  }

  /// Of a page beneath the domain, or of an Android app by the hash of its certificate.
  private static func origin(_ text: String, _ domain: String) throws(AuthConfigurationError) -> String {
    let app = "android:apk-key-hash:"
    if text.hasPrefix(app), Bytes.decoded(String(text.dropFirst(app.count)), atMost: 32)?.count == 32 { return text }
    guard let origin = WebOrigin(text), origin.isSecure, !origin.isAddress, origin.isBeneath(domain) else {
      throw AuthConfigurationError(
        description: "passkey origins: \(text) is neither https at \(domain) or beneath it, nor \(app) and a SHA-256")
    }
    return origin.text
  }
}

/// Where a page is: scheme, host and port (RFC 6454 §4).
private struct WebOrigin {
  let host: String
  /// Without the port where it is the scheme's own.
  let text: String
  let isSecure: Bool
  let isAddress: Bool

  /// nil unless it is the address of a site, without a user, a query or a fragment.
  init?(_ address: String) {
    guard let parts = URLComponents(string: address), let scheme = parts.scheme?.lowercased(),
      let host = parts.host?.lowercased(), !host.isEmpty, ["http", "https"].contains(scheme), parts.user == nil,
      parts.query == nil, parts.fragment == nil
    else { return nil }
    self.host = host
    isAddress = host.contains(":") || IPAddress(host) != nil
    let isLocal = host == "localhost" || host.hasSuffix(".localhost")
    isSecure = scheme == "https" || isLocal
    let port = parts.port.flatMap { $0 == (scheme == "https" ? 443 : 80) ? nil : ":\($0)" } ?? ""
    text = "\(scheme)://\(host)\(port)"
  }

  /// Never beneath one label alone, such as `com`: that is nobody's.
  func isBeneath(_ domain: String) -> Bool {
    host == domain || domain.dropFirst().dropLast().contains(".") && host.hasSuffix(".\(domain)")
  }
}
