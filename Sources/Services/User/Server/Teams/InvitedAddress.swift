import Foundation
import GravityContracts

/// An address as auth keeps those of accounts: trimmed, NFC, lower case; so that it is found among them.
struct InvitedAddress: Sendable, Hashable {
  let text: String

  /// nil unless there is one `@` with something on both sides, at most 254 bytes (RFC 5321 §4.5.3.1.3), no white space
  /// and no control character.
  init?(_ text: String) {
    guard text.utf8.count <= 1_000 else { return nil }
    let normal = text.trimmingCharacters(in: .whitespacesAndNewlines).precomposedStringWithCanonicalMapping.lowercased()
    let parts = normal.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, parts[0].utf8.count <= 64, normal.utf8.count <= 254,
      normal.unicodeScalars.allSatisfy({ !$0.properties.isWhitespace && $0.properties.isAllowedInText }),
      !parts[1].hasPrefix("."), !parts[1].hasSuffix("."), !parts[1].contains("..")
    else { return nil }
    self.text = normal
  }
}
