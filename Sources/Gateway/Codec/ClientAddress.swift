import GravityContracts
import NIOCore

/// Who is at the other end of a connection, as the heads that go upstream name it.
struct ClientAddress: Sendable {
  /// `192.0.2.1` or `2001:db8::1`.
  var text: [UInt8]
  /// As `Forwarded` writes it (RFC 7239 §6): an IPv6 address in brackets and quotes.
  var node: [UInt8]
  var name: String
  /// Whether what it says about the clients behind it counts.
  var isTrustedProxy: Bool
  /// What limits by address count it by: all of IPv4, the /64 of IPv6.
  var network: IPAddress?
  /// Whether the connection is over TLS.
  var isSecure: Bool

  init(_ address: SocketAddress?, trusted: [CIDR], isSecure: Bool = false) {
    self.isSecure = isSecure
    let ip = address.flatMap { IPAddress($0) }
    name = address?.ipAddress ?? "unknown"
    // A zone (`fe80::1%eth0`) means nothing to others.
    if let zone = name.firstIndex(of: "%") { name = String(name[..<zone]) }
    text = Array(name.utf8)
    node = ip?.isVersion6 == true ? Array("\"[\(name)]\"".utf8) : text
    isTrustedProxy = ip.map { ip in trusted.contains { $0.contains(ip) } } ?? false
    network = ip?.limitingNetwork
  }
}
