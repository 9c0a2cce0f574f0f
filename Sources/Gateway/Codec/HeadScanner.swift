// Foundation is not needed: the C library gives memchr.
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What header lines are made of.
enum HeadScanner {
  /// The length of the head at the beginning of `bytes`, its empty line included, or nil while that has not come.
  ///
  /// - Parameter from: What an earlier call has already looked at; it may be too small, never too large.
  /// - Throws: ``HeadFault/bareLineFeed`` at the first line that does not end in CR LF, so that nobody waits for an
  ///   empty line that would never be recognised.
  static func headLength(_ bytes: UnsafeRawBufferPointer, from: Int = 0) throws(HeadFault) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    var index = max(0, from - 3)
    while index < bytes.count, let found = memchr(base + index, Int32(Octet.lineFeed), bytes.count - index) {
      let position = UnsafeRawPointer(found) - base
      guard position > 0, bytes[position - 1] == Octet.carriageReturn else { throw .bareLineFeed }
      if position == 1 || position >= 3 && bytes[position - 2] == Octet.lineFeed { return position + 1 }
      index = position + 1
    }
    return nil
  }

  /// One header line.
  struct Line {
    var name: ByteRange
    var value: ByteRange
    /// Whether the name has an underscore, which CGI-like servers take for a dash.
    var hasUnderscore: Bool
    /// Where the next line begins.
    var next: Int
  }

  /// Reads the header line that begins at `start` (RFC 9112 §5).
  @inline(__always)
  static func line(_ bytes: UnsafeRawBufferPointer, at start: Int) throws(HeadFault) -> Line {
    let count = bytes.count
    var index = start
    var underscore = false
    while index < count, Octet.isToken(bytes[index]) {
      if bytes[index] == Octet.underscore { underscore = true }
      index += 1
    }
    guard index < count, index > start, bytes[index] == Octet.colon else {
      let first = start < count ? bytes[start] : 0
      throw first == Octet.space || first == Octet.tab ? .foldedHeader : .malformedHeader
    }
    let name = ByteRange(start, index)
    index += 1
    let valueStart = index
    // Eight at a time until there is a control character or DEL among them, then one at a time.
    while index + 8 <= count, !hasControl(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) { index += 8 }
    while index < count, bytes[index] >= 0x20 && bytes[index] != 0x7F || bytes[index] == Octet.tab { index += 1 }
    guard index + 1 < count, bytes[index] == Octet.carriageReturn, bytes[index + 1] == Octet.lineFeed else {
      throw .malformedHeader
    }
    return Line(
      name: name, value: bytes.trimmed(ByteRange(valueStart, index)), hasUnderscore: underscore, next: index + 2)
  }

  /// Whether one of eight octets is below 0x20 or is 0x7F. It may say so of an octet above such a one too, which costs
  /// a slower look and nothing else.
  @inline(__always)
  static func hasControl(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let below = (word &- ones &* 0x20) & ~word
    let del = word ^ ones &* 0x7F
    // In brackets: `&` and `&*` bind alike, from the left.
    return (below | (del &- ones) & ~del) & (ones &* 0x80) != 0
  }

  /// A Content-Length (RFC 9112 §6.2): digits only, at most 18, so that it cannot overflow.
  static func contentLength(_ value: UnsafeRawBufferPointer) throws(HeadFault) -> Int {
    guard !value.isEmpty, value.count <= 18 else { throw .malformedContentLength }
    var total = 0
    for byte in value {
      guard Octet.isDigit(byte) else { throw .malformedContentLength }
      total = total * 10 + Int(byte &- 0x30)
    }
    return total
  }
}

/// Header lines that travel on as they came: runs of adjacent lines, so that copying takes few moves.
struct HeaderRuns: Sendable, Equatable {
  private(set) var runs: [ByteRange] = []

  mutating func removeAll() { runs.removeAll(keepingCapacity: true) }

  @inline(__always)
  mutating func keep(_ line: ByteRange) {
    if let last = runs.last, last.end == line.start {
      runs[runs.count - 1].end = line.end
    } else {
      runs.append(line)
    }
  }

  /// Takes out the lines that `Connection` names (RFC 9110 §7.6.1). Framing and Host are not its to name: those are
  /// written by the gateway itself, or refused.
  mutating func removeLines(
    named lists: [ByteRange], in bytes: UnsafeRawBufferPointer
  ) throws(HeadFault) {
    let before = runs
    runs.removeAll(keepingCapacity: true)
    for run in before {
      var index = run.start
      while index < run.end {
        let line = try HeadScanner.line(bytes, at: index)
        let name = bytes[line.name]
        var named = false
        if !name.isEqualIgnoringCase("content-length") {
          for list in lists {
            bytes[list].forEachListMember { member in
              if bytes[list][member].isEqualIgnoringCase(name) { named = true }
            }
          }
        }
        if !named { keep(ByteRange(index, line.next)) }
        index = line.next
      }
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Whether two names are equal in any case of their letters.
  func isEqualIgnoringCase(_ other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count else { return false }
    for index in 0..<count {
      let (a, b) = (self[index], other[index])
      guard a == b || a | 0x20 == b | 0x20 && Octet.isLetter(a) else { return false }
    }
    return true
  }
}
