import GravityContracts
import GravityIdentity

/// Claims as header lines, for services that cannot verify a token themselves.
enum IdentityLines {
  static func make(_ principal: Principal) -> [UInt8] {
    line("x-user-id", [principal.subject]) + line("x-user-roles", principal.roles)
      + line("x-user-permissions", principal.permissions.map(\.rawValue))
  }

  /// - Parameter values: Each percent-encoded, so that none is two, a line of its own, or left out for what it is made of.
  private static func line(_ name: String, _ values: [String]) -> [UInt8] {
    var line = Array("\(name): ".utf8)
    for (index, value) in values.filter({ !$0.isEmpty }).enumerated() {
      if index > 0 { line.append(Octet.comma) }
      for octet in value.utf8 {
        if isPlain(octet) {
          line.append(octet)
        } else {
          line += [Octet.percent, digit(octet >> 4), digit(octet & 0xF)]
        }
      }
    }
    return line + [Octet.carriageReturn, Octet.lineFeed]
  }

  /// Visible ASCII, as names, addresses and `orders:read` mostly are, without what separates or quotes in a list and
  /// what a decoder takes for something else: `+` is a space for those of forms.
  private static func isPlain(_ octet: UInt8) -> Bool {
    octet > Octet.space && octet < 0x7F && !"%,;\"\\+".utf8.contains(octet)
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
}
