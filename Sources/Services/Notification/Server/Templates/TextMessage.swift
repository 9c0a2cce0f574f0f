import NotificationAPI

/// How a text message travels (3GPP TS 23.038 §6.2.1): in septets of the default alphabet when every character is in it
/// or in its extension table, else in UTF-16 code units. One that is too long for one message goes as several with a
/// header each (3GPP TS 23.040 §9.2.3.24.1), and no character is cut in two.
enum TextMessage {
  static func length(_ text: String) -> TextMessageLength {
    if let sizes = septets(text) { return length(sizes, .gsm7, alone: 160, each: 153) }
    return length(text.unicodeScalars.map { UTF16.width($0) }, .ucs2, alone: 70, each: 67)
  }

  private static func length(
    _ sizes: [Int], _ encoding: TextMessageLength.Encoding, alone: Int, each: Int
  ) -> TextMessageLength {
    let units = sizes.reduce(0, +)
    guard units > alone else { return TextMessageLength(encoding: encoding, units: units, segments: 1) }
    var (segments, used) = (1, 0)
    for size in sizes {
      if used + size > each { (segments, used) = (segments + 1, 0) }
      used += size
    }
    return TextMessageLength(encoding: encoding, units: units, segments: segments)
  }

  /// Of each character; nil when one is in neither table.
  private static func septets(_ text: String) -> [Int]? {
    var sizes: [Int] = []
    sizes.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      if basic.contains(scalar) {
        sizes.append(1)
      } else if extended.contains(scalar) {
        // Behind an escape.
        sizes.append(2)
      } else {
        return nil
      }
    }
    return sizes
  }

  private static let basic = Set(
    ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
      + "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà").unicodeScalars)
  private static let extended = Set("\u{0C}^{}\\[~]|€".unicodeScalars)
}
