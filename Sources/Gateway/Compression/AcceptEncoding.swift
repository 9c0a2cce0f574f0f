/// What a client says of codings (RFC 9110 §12.5.3), in thousandths; nil where it says nothing.
struct AcceptEncoding: Equatable {
  private var gzip: Int?
  private var br: Int?
  private var identity: Int?
  private var rest: Int?

  /// Takes in one line's list. Of a coding that is named twice the last word counts; a member that cannot be read says
  /// nothing.
  mutating func add(_ list: UnsafeRawBufferPointer) {
    list.forEachListMember { range in
      let member = list[range]
      var end = 0
      while end < member.count, member[end] != Octet.semicolon { end += 1 }
      let name = member[member.trimmed(ByteRange(0, end))]
      guard let weight = end < member.count ? Self.weight(member[ByteRange(end + 1, member.count)]) : 1_000 else {
        return
      }
      if name.isEqualIgnoringCase("gzip") || name.isEqualIgnoringCase("x-gzip") {
        gzip = weight
      } else if name.isEqualIgnoringCase("br") {
        br = weight
      } else if name.isEqualIgnoringCase("identity") {
        identity = weight
      } else if name.count == 1, name[0] == UInt8(ascii: "*") {
        rest = weight
      }
    }
  }

  /// `q=0.5` (§12.4.2): at most three decimals, 0 to 1.
  private static func weight(_ parameter: UnsafeRawBufferPointer) -> Int? {
    let text = parameter[parameter.trimmed(ByteRange(0, parameter.count))]
    guard (3...7).contains(text.count), text[0] | 0x20 == UInt8(ascii: "q"), text[1] == UInt8(ascii: "="),
      text[2] == 0x30 || text[2] == 0x31
    else { return nil }
    var value = Int(text[2] &- 0x30) * 1_000
    guard text.count > 3 else { return value }
    guard text[3] == Octet.dot else { return nil }
    var unit = 100
    for byte in text[ByteRange(4, text.count)] {
      guard Octet.isDigit(byte) else { return nil }
      value += Int(byte &- 0x30) * unit
      unit /= 10
    }
    return value <= 1_000 ? value : nil
  }

  /// The coding to use: the one that the client likes best, of equals the one that stands first; nil is none.
  ///
  /// A client that likes the content as it is better than any coding gets it so. One that takes it only coded, in a way
  /// that is not among these, gets it as it is, too: that is better than nothing (§12.5.3).
  func best(of codings: [ContentCoding]) -> ContentCoding? {
    var best: (coding: ContentCoding, weight: Int)?
    for coding in codings {
      let weight = (coding == .gzip ? gzip : br) ?? rest ?? 0
      if weight > best?.weight ?? 0 { best = (coding, weight) }
    }
    guard let best, best.weight >= identity ?? 0 else { return nil }
    return best.coding
  }
}
