/// A telephone number as it can be called from anywhere (ITU-T E.164): `+` and 7 to 15 digits, the first not 0.
struct PhoneNumber: Sendable, Hashable {
  let text: String

  /// Blanks, dots, hyphens and parentheses are taken out.
  init?(_ text: String) {
    guard text.utf8.count <= 64 else { return nil }
    let bare = text.filter { !" .-()\u{A0}".contains($0) }
    let digits = bare.utf8.dropFirst()
    guard bare.utf8.first == UInt8(ascii: "+"), (7...15).contains(digits.count), digits.first != UInt8(ascii: "0"),
      digits.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    self.text = bare
  }

  static let rule = "must be an international number such as +4930123456"
}
