extension Migration {
  /// By which a changed migration is found: 16 hexadecimal digits, the same on every engine.
  ///
  /// FNV-1a of 64 bits. It is there for mistakes, not for attackers: whoever can change a migration can change the
  /// program, too. It is taken over the statements' parts, so that an engine may change how it renders a type.
  public var checksum: String {
    var hash = FNV1a()
    for statement in statements {
      for part in statement.parts { hash.add(part.canonical) }
      hash.add(";")
    }
    let digits = String(hash.value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

/// http://www.isthe.com/chongo/tech/comp/fnv/
private struct FNV1a {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ text: String) {
    for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    // No byte of UTF-8: it keeps "ab" + "c" apart from "a" + "bc".
    value = (value ^ 0xFF) &* 0x100_0000_01b3
  }
}

extension SQL.Part {
  fileprivate var canonical: String {
    switch self {
    case .literal(let text): text
    case .value(let value): "value:\(value)"
    case .type(let type): "type:\(type)"
    case .sqliteOnly(let text): "sqlite:\(text)"
    case .postgresOnly(let text): "postgresql:\(text)"
    }
  }
}
