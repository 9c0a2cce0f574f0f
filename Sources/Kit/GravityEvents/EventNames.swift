extension EventQueue {
  /// Letters, digits, `.`, `_` and `-`, 1 to 100 bytes.
  package static func isName(_ name: String) -> Bool {
    (1...100).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
      }
  }

  /// An exact type, or `family.#`.
  package static func isPattern(_ pattern: String) -> Bool {
    isName(pattern.hasSuffix(".#") ? String(pattern.dropLast(2)) : pattern)
  }

  package func validate() throws(BrokerError) {
    guard Self.isName(name) else { throw .invalid("\(name) is no name for a queue") }
    for pattern in patterns where !Self.isPattern(pattern) { throw .invalid("\(pattern) is no pattern") }
  }
}

extension EventMessage {
  package func validate() throws(BrokerError) {
    guard EventQueue.isName(type) else { throw .invalid("\(type) is no event type") }
    guard body.count <= Self.greatestBody else {
      throw .invalid("a message of \(body.count) bytes is larger than \(Self.greatestBody)")
    }
  }
}
