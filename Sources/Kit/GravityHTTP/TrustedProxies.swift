/// The addresses whose `X-Forwarded-For` and deadline are believed: the gateways.
public struct TrustedProxies: Sendable, Hashable {
  private let blocks: [Block]

  private struct Block: Sendable, Hashable {
    var bytes: [UInt8]
    var bits: Int
  }

  /// Connections from this machine: 127.0.0.0/8 and ::1.
  public static let loopback = TrustedProxies(blocks: [
    Block(bytes: [127, 0, 0, 0], bits: 8), Block(bytes: [UInt8](repeating: 0, count: 15) + [1], bits: 128),
  ])

  private init(blocks: [Block]) { self.blocks = blocks }

  /// Blocks in CIDR notation, apart by commas: `10.0.0.0/8,::1/128`; an address without a length is one host.
  /// - Returns: nil when a block is malformed.
  public init?(_ text: String) {
    var blocks: [Block] = []
    for part in text.split(separator: ",") {
      let sides = part.filter { $0 != " " }.split(separator: "/", maxSplits: 1)
      guard let first = sides.first, let bytes = IPAddress.bytes(String(first)) else { return nil }
      let bits = sides.count > 1 ? Int(sides[1]) : bytes.count * 8
      guard let bits, (0...bytes.count * 8).contains(bits) else { return nil }
      blocks.append(Block(bytes: bytes, bits: bits))
    }
    self.blocks = blocks
  }

  public func contains(_ address: String) -> Bool {
    guard let bytes = IPAddress.bytes(address) else { return false }
    return blocks.contains { block in
      guard block.bytes.count == bytes.count else { return false }
      let (whole, rest) = (block.bits / 8, block.bits % 8)
      guard block.bytes[..<whole] == bytes[..<whole] else { return false }
      return rest == 0 || (block.bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0
    }
  }
}
