import Foundation
import GravityIdentity

/// The code that a person types: eight consonants, so that no word comes of it and none looks like a digit or another
/// (RFC 8628 §6.1); 34 bits, which guessing is slowed down for.
struct UserCode: Sendable, Hashable {
  private static let letters = Array("BCDFGHJKLMNPQRSTVWXZ".utf8)
  private static let length = 8
  /// Bytes that ``init(random:)`` takes.
  static let randomSize = length * 8

  /// Without the dash.
  let text: String

  /// 64 bits for a letter: what is uneven about that cannot be noticed.
  init(random bytes: [UInt8]) {
    let drawn = (0..<Self.length).map { index in
      let number = bytes[(index * 8)..<(index * 8 + 8)].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
      return Self.letters[Int(number % UInt64(Self.letters.count))]
    }
    text = String(decoding: drawn, as: UTF8.self)
  }

  /// nil unless it is eight of those letters; case, dashes and blanks do not matter.
  init?(_ typed: String) {
    guard typed.utf8.count <= 64 else { return nil }
    let letters = typed.uppercased().filter { $0 != "-" && $0 != "\u{2010}" && $0 != "\u{2013}" && !$0.isWhitespace }
    guard letters.utf8.count == Self.length, letters.utf8.allSatisfy(Self.letters.contains) else { return nil }
    text = letters
  }

  /// `BCDF-GHJK`.
  var grouped: String { "\(text.prefix(Self.length / 2))-\(text.suffix(Self.length / 2))" }

  /// What is kept of it. A plain digest of so short a code could be tried out by whoever has the table.
  func hash(_ masterKey: MasterKey) -> [UInt8] { masterKey.authenticationCode("device-user-code/1", Data(text.utf8)) }
}
