package import NIOCore

/// What is no RESP3, or more of it than is taken. The connection cannot be used after it.
package struct RESPFault: Error, Equatable, CustomStringConvertible {
  package var description: String
}

/// Makes replies of bytes as they come, however they are split. It never goes back over what it has read: a large reply
/// in small pieces costs no more than in one.
///
/// Follows Redis' "Redis serialization protocol specification"; streamed strings and aggregates of its drafts are
/// refused, since no server sends them.
package struct RESPDecoder {
  package struct Limits: Sendable {
    /// Bytes of a line: an error, a simple string or a number.
    package var line = 64 << 10
    /// Bytes of one reply, all in all.
    package var reply = 64 << 20
    /// Elements of one reply, all in all.
    package var elements = 1 << 20
    /// Aggregates within aggregates.
    package var depth = 16

    package init() {}
  }

  enum StringKind { case plain, verbatim, error }
  enum AggregateKind { case array, map, push, attribute }

  /// An aggregate whose elements are still coming.
  struct Level {
    var kind: AggregateKind
    var missing: Int
    var elements: [RESPValue]
  }

  enum Step {
    case value(RESPValue)
    case level(Level)
    /// The head of a string, whose bytes come next.
    case head
  }

  let limits: Limits
  var buffer = ByteBuffer()
  /// How far the end of a line was looked for, from the reader's index.
  private var searched = 0
  /// The string whose head was read.
  var string: (length: Int, kind: StringKind)?
  private var levels: [Level] = []
  var elementCount = 0
  /// Bytes of the reply that is being read.
  var taken = 0

  package init(limits: Limits = Limits()) { self.limits = limits }

  /// Adds what has come.
  package mutating func feed(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else if buffer.readerIndex == 0 {
      buffer.writeImmutableBuffer(bytes)
    } else {
      // Replies hold what was read. To write behind it would copy it, again and again.
      var rest = ByteBuffer()
      rest.reserveCapacity(buffer.readableBytes + bytes.readableBytes)
      rest.writeImmutableBuffer(buffer)
      rest.writeImmutableBuffer(bytes)
      buffer = rest
    }
  }

  /// - Returns: nil when the next reply is not there to its end.
  /// - Throws: ``RESPFault``; nothing is to be read any more then.
  package mutating func next() throws(RESPFault) -> RESPValue? {
    while let step = try step() {
      switch step {
      case .head: continue
      case .level(let level):
        guard levels.count < limits.depth else { throw RESPFault(description: "a reply nested too deeply") }
        levels.append(level)
        if let complete = try close() { return complete }
      case .value(let value):
        if levels.isEmpty { return finish(value) }
        levels[levels.count - 1].elements.append(value)
        levels[levels.count - 1].missing -= 1
        if let complete = try close() { return complete }
      }
    }
    return nil
  }

  private mutating func step() throws(RESPFault) -> Step? {
    if string != nil { return try readString() }
    guard let line = try readLine() else { return nil }
    return try head(line)
  }

  private mutating func finish(_ value: RESPValue) -> RESPValue {
    (elementCount, taken) = (0, 0)
    return value
  }

  /// Puts aggregates that are whole into those that hold them.
  private mutating func close() throws(RESPFault) -> RESPValue? {
    while let level = levels.last, level.missing == 0 {
      levels.removeLast()
      let value: RESPValue
      switch level.kind {
      case .array: value = .array(level.elements)
      case .map: value = .map(level.elements)
      case .push:
        guard levels.isEmpty else { throw RESPFault(description: "a push inside of a reply") }
        value = .push(level.elements)
      // Says something about what follows; nobody asked for it.
      case .attribute: continue
      }
      if levels.isEmpty { return finish(value) }
      levels[levels.count - 1].elements.append(value)
      levels[levels.count - 1].missing -= 1
    }
    return nil
  }

  /// - Returns: The line without its end.
  private mutating func readLine() throws(RESPFault) -> ByteBuffer? {
    let from = searched
    let found = buffer.withUnsafeReadableBytes { bytes in bytes[from...].firstIndex(of: UInt8(ascii: "\r")) }
    guard let found, found + 1 < buffer.readableBytes else {
      searched = found ?? buffer.readableBytes
      guard searched <= limits.line else { throw RESPFault(description: "a line of over \(limits.line) bytes") }
      return nil
    }
    guard found <= limits.line else { throw RESPFault(description: "a line of over \(limits.line) bytes") }
    guard buffer.getInteger(at: buffer.readerIndex + found + 1, as: UInt8.self) == UInt8(ascii: "\n") else {
      throw RESPFault(description: "a carriage return inside of a line")
    }
    searched = 0
    try take(found + 2)
    let line = buffer.readSlice(length: found)
    buffer.moveReaderIndex(forwardBy: 2)
    return line
  }

  func tooLarge() -> RESPFault { RESPFault(description: "a reply of over \(limits.reply) bytes") }

  mutating func take(_ bytes: Int) throws(RESPFault) {
    taken += bytes
    guard taken <= limits.reply else { throw tooLarge() }
  }
}
