/// Ids of requests: the client's where it is harmless, else a version 7 UUID (RFC 9562 §5.7) as text.
enum RequestID {
  static func isSafe(_ bytes: UnsafeRawBufferPointer) -> Bool {
    (1...64).contains(bytes.count) && bytes.allSatisfy(Octet.isUnreserved)
  }

  /// Writes an id into `output`, whose storage is used again.
  static func generate(
    into output: inout [UInt8], milliseconds: UInt64, random: inout some RandomNumberGenerator
  ) {
    let high = milliseconds << 16 | 0x7000 | random.next() & 0x0FFF
    let low = 0x8000_0000_0000_0000 | random.next() >> 2
    output.removeAll(keepingCapacity: true)
    for index in 0..<32 {
      if index == 8 || index == 12 || index == 16 || index == 20 { output.append(Octet.dash) }
      let word = index < 16 ? high : low
      let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - (index & 15) * 4)) & 0xF
      output.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }
}
