/// What a cluster's node says of a command that another has to execute.
enum Redirection: Equatable {
  /// The slot belongs to that node from now on.
  case moved(slot: Int, to: RedisNodeName)
  /// The slot is being moved there, and this key may be there already: once, and with `ASKING` before it.
  case ask(RedisNodeName)
  /// Of the command's keys some are there already and some are not: in a moment.
  case tryAgain

  /// - Parameter text: An error as the server wrote it.
  /// - Returns: nil for any other error.
  init?(_ text: String) {
    let words = text.split(separator: " ")
    switch words.first {
    case "TRYAGAIN": self = .tryAgain
    case "MOVED":
      guard words.count == 3, let slot = Int(words[1]), (0..<KeySlot.count).contains(slot),
        let node = RedisNodeName(words[2])
      else { return nil }
      self = .moved(slot: slot, to: node)
    case "ASK":
      guard words.count == 3, let node = RedisNodeName(words[2]) else { return nil }
      self = .ask(node)
    default: return nil
    }
  }
}

/// `host:port` of a node; an empty host is that of the node that said so.
struct RedisNodeName: Equatable {
  var host: String
  var port: Int

  init?(_ text: Substring) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65_535).contains(port)
    else { return nil }
    let host = text[..<colon]
    // A node that does not know its own name says so.
    guard host != "?" else { return nil }
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : String(host)
    self.port = port
  }
}
