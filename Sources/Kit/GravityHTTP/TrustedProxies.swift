import GravityContracts

/// The addresses whose `X-Forwarded-For` and deadline are believed: the gateways.
public struct TrustedProxies: Sendable, Hashable {
  private let blocks: [CIDR]

  /// Connections from this machine: 127.0.0.0/8 and ::1.
  public static let loopback = TrustedProxies(blocks: ["127.0.0.0/8", "::1"].compactMap(CIDR.init))

  private init(blocks: [CIDR]) { self.blocks = blocks }

  /// Blocks in CIDR notation, apart by commas: `10.0.0.0/8,::1/128`; an address without a length is one host.
  /// - Returns: nil when a block is malformed.
  public init?(_ text: String) {
    var blocks: [CIDR] = []
    for part in text.split(separator: ",") {
      guard let block = CIDR(part.filter { $0 != " " }) else { return nil }
      blocks.append(block)
    }
    self.blocks = blocks
  }

  public func contains(_ address: String) -> Bool {
    guard let address = IPAddress(address) else { return false }
    return blocks.contains { $0.contains(address) }
  }
}
