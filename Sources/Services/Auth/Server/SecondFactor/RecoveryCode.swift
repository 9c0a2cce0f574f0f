import Foundation
import GravityIdentity

/// A look-up secret (NIST SP 800-63B §3.1.2) that stands in for an authenticator that was lost. It has 120 bits, so that a
/// plain digest of it could not be searched; what is kept is an HMAC, so that not even a copy of auth_db can be tried.
///
///     k3fd-77qa-bzm2-x5tc-p4ne-w6rh
struct RecoveryCode: Hashable, Sendable {
  static let count = 10
  /// 120 bits.
  static let size = 15
  private static let groupSize = 4

  /// 24 characters.
  private let letters: String

  /// - Parameter bytes: ``size`` random ones.
  init(_ bytes: [UInt8]) { letters = Base32.encoded(bytes).lowercased() }

  /// Reads what somebody typed: dashes, spaces and case do not matter, and 0, 1 and 8, which no code has, are the letters
  /// that they look like.
  init?(_ text: String) {
    guard text.utf8.count <= 64 else { return nil }
    var letters = ""
    for character in text.lowercased() where character != "-" && !character.isWhitespace {
      switch character {
      case "0": letters.append("o")
      case "1": letters.append("l")
      case "8": letters.append("b")
      case "a"..."z", "2"..."7": letters.append(character)
      default: return nil
      }
    }
    guard letters.utf8.count == Self.size * 8 / 5 else { return nil }
    self.letters = letters
  }

  var text: String {
    let letters = Array(letters)
    return stride(from: 0, to: letters.count, by: Self.groupSize).map {
      String(letters[$0..<min($0 + Self.groupSize, letters.count)])
    }.joined(separator: "-")
  }

  /// What is kept of it: of no use for another account.
  func hash(for account: UUID, _ masterKey: MasterKey) -> [UInt8] {
    masterKey.authenticationCode("recovery-code/1", Data("\(account.uuidString):\(letters)".utf8))
  }
}
