import Foundation

/// Where a picture of somebody is: an `https` address in ASCII (RFC 3986), which browsers load and this service never
/// does, so that nobody can make it ask for something on the inside.
struct AvatarURL: Sendable, Hashable {
  static let greatestLength = 2_048
  static let rule = "must be an https address of at most 2048 bytes, percent-encoded and without a user name"

  let text: String

  /// - Returns: nil when it is none.
  init?(_ text: String) {
    let isPrintable = text.utf8.allSatisfy { byte in
      (0x21...0x7E).contains(byte) && !"\"<>\\^`{|}".utf8.contains(byte)
    }
    guard text.utf8.count <= Self.greatestLength, isPrintable, let parts = URLComponents(string: text),
      parts.scheme?.lowercased() == "https", parts.user == nil, parts.password == nil,
      let host = parts.host, host.utf8.contains(where: { Self.isAlphanumeric($0) }),
      parts.port.map({ (1...65_535).contains($0) }) ?? true
    else { return nil }
    self.text = text
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte)
  }
}
