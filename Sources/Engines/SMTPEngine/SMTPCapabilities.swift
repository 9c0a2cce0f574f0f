/// What the server offers, from its reply to EHLO (RFC 5321 §4.1.1.1).
struct SMTPCapabilities: Sendable, Hashable {
  var startTLS = false
  /// Names of mechanisms in capitals.
  var mechanisms: Set<String> = []
  var eightBit = false
  var utf8 = false
  var pipelining = false
  var takesSize = false
  /// Bytes; nil where the server names no bound (RFC 1870 §3).
  var greatestSize: Int?

  init() {}

  init(_ reply: SMTPReply) {
    for line in reply.lines.dropFirst() {
      // `AUTH=PLAIN` is how it was written before there was a standard.
      let words = line.uppercased().split { $0 == " " || $0 == "=" }
      switch words.first {
      case "STARTTLS": startTLS = true
      case "AUTH": mechanisms.formUnion(words.dropFirst().map(String.init))
      case "8BITMIME": eightBit = true
      case "SMTPUTF8": utf8 = true
      case "PIPELINING": pipelining = true
      case "SIZE":
        takesSize = true
        if words.count > 1, let size = Int(words[1]), size > 0 { greatestSize = size }
      default: break
      }
    }
  }
}
