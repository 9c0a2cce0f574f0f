import NIOCore

/// What the server said to a command (RFC 5321 §4.2).
struct SMTPReply: Sendable, Hashable, CustomStringConvertible {
  /// 200 to 599.
  var code: Int
  /// Each line's text, without the code.
  var lines: [String]

  var isPositive: Bool { (200..<300).contains(code) }
  /// Not now.
  var isTransient: Bool { (400..<500).contains(code) }
  var isPermanent: Bool { (500..<600).contains(code) }

  /// The enhanced status code (RFC 2034, RFC 3463) that stands before the text, if it is of the reply's class.
  var status: EnhancedStatus? {
    guard let word = lines.first?.split(separator: " ").first else { return nil }
    let parts = word.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, parts.allSatisfy({ (1...3).contains($0.count) }),
      let numbers = Optional(parts.compactMap { $0.allSatisfy(\.isASCII) ? Int($0) : nil }), numbers.count == 3,
      numbers[0] == code / 100
    else { return nil }
    return EnhancedStatus(subject: numbers[1], detail: numbers[2])
  }

  /// In one line.
  var description: String { String("\(code) \(lines.joined(separator: " "))".prefix(400)) }
}

struct EnhancedStatus: Sendable, Hashable {
  var subject: Int
  var detail: Int
}

/// Makes replies of bytes as they come.
struct SMTPReplyParser: Sendable {
  /// RFC 5321 §4.5.3.1.5 has 512; servers are known to write more.
  static let longestLine = 4_096
  static let greatestLines = 200

  private var line: [UInt8] = []
  private var code: Int?
  private var lines: [String] = []

  /// Whether there is nothing of a reply that is still to come.
  var isEmpty: Bool { line.isEmpty && lines.isEmpty }

  /// - Throws: ``SMTPError`` for what is no reply; nothing that comes after it can be trusted.
  mutating func feed(_ bytes: some Sequence<UInt8>) throws(SMTPError) -> [SMTPReply] {
    var replies: [SMTPReply] = []
    for byte in bytes {
      guard byte == UInt8(ascii: "\n") else {
        guard line.count < Self.longestLine else {
          throw SMTPError(.converse, "the server sent a line of more than \(Self.longestLine) bytes")
        }
        line.append(byte)
        continue
      }
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      if let reply = try endLine() { replies.append(reply) }
    }
    return replies
  }

  private mutating func endLine() throws(SMTPError) -> SMTPReply? {
    defer { line = [] }
    let digits = line.prefix(3).map { Int($0) - 48 }
    guard digits.count == 3, (2...5).contains(digits[0]), (0...9).contains(digits[1]), (0...9).contains(digits[2]),
      line.count == 3 || line[3] == UInt8(ascii: " ") || line[3] == UInt8(ascii: "-")
    else { throw SMTPError(.converse, "what answers is no mail server: \(Self.text(line.prefix(80)))") }
    let code = digits[0] * 100 + digits[1] * 10 + digits[2]
    guard self.code == nil || self.code == code, lines.count < Self.greatestLines else {
      throw SMTPError(.converse, "the server sent a reply that makes no sense")
    }
    self.code = code
    lines.append(Self.text(line.dropFirst(4)))
    guard line.count == 3 || line[3] == UInt8(ascii: " ") else { return nil }
    defer { (self.code, lines) = (nil, []) }
    return SMTPReply(code: code, lines: lines)
  }

  /// One line that can stand in a log.
  private static func text(_ bytes: some Collection<UInt8>) -> String {
    String(
      String.UnicodeScalarView(
        String(decoding: bytes, as: UTF8.self).unicodeScalars.map {
          $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || $0 == "\u{2028}" || $0 == "\u{2029}" ? " " : $0
        }))
  }
}
