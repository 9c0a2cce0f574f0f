import Foundation

/// A name of the IANA time zone database that this system knows: `Europe/Berlin`, `Asia/Kolkata`, `UTC`.
struct TimeZoneName: Sendable, Hashable {
  let text: String

  /// The name is kept as it was written: today's name of a zone is tomorrow's alias.
  init?(_ text: String) {
    guard (2...64).contains(text.utf8.count), text.utf8.allSatisfy(Self.isAllowed),
      text.utf8.first.map({ (0x41...0x5A).contains($0) }) == true,
      // Foundation also takes offsets and abbreviations, which the database does not have.
      text.contains("/") || Self.withoutArea.contains(text[...]), TimeZone(identifier: text) != nil
    else { return nil }
    self.text = text
  }

  /// The names that stand in no area.
  private static let withoutArea: Set<Substring> = Set(
    """
    CET CST6CDT Cuba EET EST EST5EDT Egypt Eire GB GB-Eire GMT GMT+0 GMT-0 GMT0 Greenwich HST Hongkong Iceland Iran \
    Israel Jamaica Japan Kwajalein Libya MET MST MST7MDT NZ NZ-CHAT Navajo PRC PST8PDT Poland Portugal ROC ROK \
    Singapore Turkey UCT UTC Universal W-SU WET Zulu
    """.split(separator: " "))

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"),
      UInt8(ascii: "+"):
      true
    default: false
    }
  }
}
