/// The number that people read to each other: ten letters and digits of Crockford's alphabet, which leaves out I, L, O
/// and U. Random, so that it tells nobody how many orders there are.
enum OrderNumber {
  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

  static func random(_ next: () -> UInt64 = { UInt64.random(in: 0...UInt64.max) }) -> String {
    var bits = next()
    var text = ""
    for index in 0..<10 {
      if index == 5 { text.append("-") }
      text.append(alphabet[Int(bits & 31)])
      bits >>= 5
    }
    return text
  }

  /// As somebody may type it: any case, with or without the dash, I and L for 1, O for 0.
  static func normalized(_ text: String) -> String? {
    var letters: [Character] = []
    for character in text.uppercased() where character != "-" && character != " " {
      let read: Character =
        switch character {
        case "I", "L": "1"
        case "O": "0"
        default: character
        }
      guard alphabet.contains(read), letters.count < 10 else { return nil }
      letters.append(read)
    }
    guard letters.count == 10 else { return nil }
    return String(letters[..<5]) + "-" + String(letters[5...])
  }
}
