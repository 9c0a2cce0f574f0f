public import GravityContracts

/// Which addresses a request to a URL that somebody gave us may go to. It is asked about the address that is connected
/// to, not about a name, which may mean another one a moment later.
public struct AddressPolicy: Sendable, Hashable {
  /// Also loopback, private networks and plain `http:`: for development only.
  public let allowsPrivate: Bool

  public init(allowsPrivate: Bool = false) { self.allowsPrivate = allowsPrivate }

  public func allows(_ address: IPAddress) -> Bool {
    if allowsPrivate { return true }
    return address.isVersion6
      ? Self.globalUnicast.contains(address) && !Self.special6.contains { $0.contains(address) }
      : !Self.special4.contains { $0.contains(address) }
  }

  /// What the registries of special addresses (RFC 6890) have, multicast, and where clouds tell machines about
  /// themselves: 169.254.169.254, 100.100.100.200, 168.63.129.16.
  private static let special4 = blocks(
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")

  /// All that may be public is in here, so loopback, link-local, unique local, multicast and NAT64 are not.
  private static let globalUnicast = blocks("2000::/3")[0]
  /// Teredo and other protocols' own, documentation, 6to4 (which hides an IPv4 address).
  private static let special6 = blocks("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

  private static func blocks(_ texts: String...) -> [CIDR] {
    texts.map { text in
      guard let block = CIDR(text) else { preconditionFailure("\(text) is no block of addresses") }
      return block
    }
  }
}
