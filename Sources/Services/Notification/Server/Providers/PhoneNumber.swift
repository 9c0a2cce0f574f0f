/// A phone number in international form (ITU-T E.164 §6.2.1): `+`, then at most 15 digits that begin with a country code.
struct PhoneNumber: Sendable, Hashable {
  let text: String

  static let rule = "must be a phone number in E.164, such as +4915112345678"

  init?(_ text: String) {
    let digits = text.dropFirst().utf8
    guard text.first == "+", (7...15).contains(digits.count), digits.first != UInt8(ascii: "0"),
      digits.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    self.text = text
  }
}
